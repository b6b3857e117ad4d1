//go:build !race

package web

// memoryPerByte is how many bytes of memory rendering may take for one of text. The bombs take 60,000.
const memoryPerByte = 2_000
