package mail

// Server is the operator's SMTP server, as --smtp-url names it.
type Server struct {
	host string
	port int
}
