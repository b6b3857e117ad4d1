//go:build !dev

package web

// development: the build is one for those who work on Deskgate.
const development = false
