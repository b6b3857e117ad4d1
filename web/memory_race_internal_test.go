//go:build race

package web

// memoryPerByte is more under the race detector, which takes things out of pools at random.
const memoryPerByte = 10_000
