package proxy_test

import "strings"

// specimen is what a client sends at the beginning of a connection, and what has to come of it.
type specimen struct {
	name string
	// raw is sent as it is, but for HOST, which is a host with an upstream. A harmless request follows.
	raw string
	// want is what the upstream has to see of it: "METHOD PATH BODY"; refused if it must see nothing.
	want string
}

// refused stands for requests that are answered with an error, and after which nothing on the connection is read.
const refused = "refused"

// lines ends each line as HTTP wants it, and the head as well.
func head(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// post is a request with a body that is sent as the fields say.
func post(body string, fields ...string) string {
	return head(append([]string{"POST /x HTTP/1.1", "Host: HOST"}, fields...)...) + body
}

// get is a request without a body.
func get(fields ...string) string {
	return head(append([]string{"GET /x HTTP/1.1", "Host: HOST"}, fields...)...)
}

const (
	smuggled = "GET /smuggled HTTP/1.1\r\nHost: HOST\r\n\r\n"
	chunked  = "Transfer-Encoding: chunked"
	five     = "5\r\nhello\r\n0\r\n\r\n"
)

// harmless are requests that have to arrive, so that strictness has its limits.
var harmless = []specimen{
	{"plain", get(), "GET /x "},
	{"body with length", post("hello", "Content-Length: 5"), "POST /x hello"},
	{"chunked body", post(five, chunked), "POST /x hello"},
	{"chunked in capitals", post(five, "TRANSFER-ENCODING: Chunked"), "POST /x hello"},
	{"chunk extension", post("5;name=value\r\nhello\r\n0;x=\"y\"\r\n\r\n", chunked), "POST /x hello"},
	{"size in capitals and with zeros", post("0000A\r\nhellohello\r\n000\r\n\r\n", chunked), "POST /x hellohello"},
	{"spaces after a size", post("5 \r\nhello\r\n0\t\r\n\r\n", chunked), "POST /x hello"},
	{"trailers", post("5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n", chunked), "POST /x hello"},
	{"empty body with length", post("", "Content-Length: 0"), "POST /x "},
	{"length with zeros", post("hello", "Content-Length: 005"), "POST /x hello"},
	{"spaces around a value", get("X-A: \t a \t "), "GET /x "},
	{"empty value", get("X-A:"), "GET /x "},
	{"value beyond ASCII", get("X-A: gr\xc3\xbc\xc3\x9fe, \xff"), "GET /x "},
	{"GET with a body", head("GET /x HTTP/1.1", "Host: HOST", "Content-Length: 5") + "hello", "GET /x hello"},
	{"DELETE with a body", head("DELETE /x HTTP/1.1", "Host: HOST", "Content-Length: 5") + "hello", "DELETE /x hello"},
	{"own method", head("PURGE /x HTTP/1.1", "Host: HOST"), "PURGE /x "},
	{"whole URL", head("GET http://HOST/x HTTP/1.1", "Host: HOST"), "GET /x "},
	{"whole URL in capitals", head("GET HTTP://HOST/x HTTP/1.1", "Host: HOST"), "GET /x "},
	{"host in capitals", head("GET /x HTTP/1.1", "hOST: ACME.tickets.example"), "GET /x "},
	{"escapes in the path", head("GET /a%2Fb%01?c=%0d%0a HTTP/1.1", "Host: HOST"), "GET /a%2Fb%01?c=%0d%0a "},
	{"empty line before", "\r\n" + get(), refused}, // net/http wants none, and HTTP does not demand it
	{"upgrade to h2c", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"), "GET /x "},
	{"upgrade to TLS", get("Connection: Upgrade", "Upgrade: TLS/1.2"), "GET /x "},
	{"upgrade of a POST", post("hello", "Connection: Upgrade", "Upgrade: websocket", "Content-Length: 5"), "POST /x hello"},
	{"to be continued", post("hello", "Expect: 100-continue", "Content-Length: 5"), "POST /x hello"},
}

// lengths are bodies of which it is not clear where they end.
var lengths = []specimen{
	{"length and chunks", post(five+smuggled, "Content-Length: 5", chunked), refused},
	{"chunks and length", post("0\r\n\r\n"+smuggled, chunked, "Content-Length: 48"), refused},
	{"chunks and no length", post(five, chunked, "Content-Length: 0"), refused},
	{"two lengths", post("hello"+smuggled, "Content-Length: 5", "Content-Length: 53"), refused},
	{"the same length twice", post("hello", "Content-Length: 5", "Content-Length: 5"), refused},
	{"list of lengths", post("hello", "Content-Length: 5, 5"), refused},
	{"list of different lengths", post("hello", "Content-Length: 5, 53"), refused},
	{"length with a plus", post("hello", "Content-Length: +5"), refused},
	{"length below zero", post("hello", "Content-Length: -5"), refused},
	{"length with a space", post("hello", "Content-Length: 5 3"), refused},
	{"hexadecimal length", post("hello", "Content-Length: 0x5"), refused},
	{"length in words", post("hello", "Content-Length: five"), refused},
	{"length with a point", post("hello", "Content-Length: 5.0"), refused},
	{"no number in the length", post("hello", "Content-Length:"), refused},
	{"huge length", post("hello", "Content-Length: 18446744073709551621"), refused},
	{"length beyond 63 bits", post("hello", "Content-Length: 9223372036854775808"), refused},
	{"length with a tab inside", post("hello", "Content-Length: 5\t3"), refused},
	{"length with a vertical tab", post("hello", "Content-Length: \v5"), refused},
	{"length with a null", post("hello", "Content-Length: 5\x00"), refused},
	{"length by another name", post("hello", "Content_Length: 5"), refused},
	{"space before the colon of a length", post("hello", "Content-Length : 5"), refused},
}

// codings are bodies that may be chunked or not.
var codings = []specimen{
	{"unknown coding", post(five, "Transfer-Encoding: xchunked"), refused},
	{"space before the colon of a coding", post(five, "Transfer-Encoding : chunked"), refused},
	{"two codings", post(five, chunked, "Transfer-Encoding: identity"), refused},
	{"chunked twice", post(five, chunked, chunked), refused},
	{"identity", post("hello", "Transfer-Encoding: identity", "Content-Length: 5"), refused},
	{"list with identity", post(five, "Transfer-Encoding: chunked, identity"), refused},
	{"list with gzip", post(five, "Transfer-Encoding: gzip, chunked"), refused},
	{"chunked, chunked", post(five, "Transfer-Encoding: chunked, chunked"), refused},
	{"coding in quotes", post(five, `Transfer-Encoding: "chunked"`), refused},
	{"coding with a comma", post(five, "Transfer-Encoding: chunked,"), refused},
	{"coding with a parameter", post(five, "Transfer-Encoding: chunked;q=1"), refused},
	{"vertical tab before the coding", post(five, "Transfer-Encoding: \vchunked"), refused},
	{"null in the coding", post(five, "Transfer-Encoding: chunked\x00"), refused},
	{"coding on the next line", post(five, "Transfer-Encoding:", " chunked"), refused},
	{"coding behind a bare CR", post(five, "X: y\rTransfer-Encoding: chunked"), refused},
	{"coding behind a bare LF", post(five, "X: y\nTransfer-Encoding: chunked"), refused},
	{"coding by another name", post(five, "Transfer_Encoding: chunked"), refused},
	{"no coding", post(five, "Transfer-Encoding:"), refused},
	{"coding in HTTP/1.0", head("POST /x HTTP/1.0", "Host: HOST", "Connection: keep-alive", chunked) + five, refused},
	{"coding and length in HTTP/1.0", head("POST /x HTTP/1.0", "Host: HOST", "Content-Length: 15", chunked) + five, refused},
}

// chunks are bodies in chunks of which two readers could make different ones. Their heads are in order, so that the upstream
// may have seen a beginning.
var chunks = []specimen{
	{"no size", post("\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size with a sign", post("+5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size below zero", post("-5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size with 0x", post("0x5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size with an underscore", post("0_5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"space before a size", post(" 5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"two sizes", post("5 5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size with garbage", post("5xyz\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size beyond 64 bits", post("10000000000000005\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"size of many digits", post(strings.Repeat("0", 300)+"5\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"bare LF after a size", post("5\nhello\r\n0\r\n\r\n", chunked), refused},
	{"bare CR after a size", post("5\rhello\r\n0\r\n\r\n", chunked), refused},
	{"bare LF after a chunk", post("5\r\nhello\n0\r\n\r\n", chunked), refused},
	{"nothing after a chunk", post("5\r\nhello0\r\n\r\n", chunked), refused},
	{"chunk longer than its size", post("5\r\nhello!\r\n0\r\n\r\n", chunked), refused},
	{"bare LF in an extension", post("5;a\nb\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"bare CR in an extension", post("5;a\rb\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"null in an extension", post("5;a\x00\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"long extension", post("5;"+strings.Repeat("a", 300)+"\r\nhello\r\n0\r\n\r\n", chunked), refused},
	{"bare LF at the end", post("5\r\nhello\r\n0\n\n", chunked), refused},
	{"length in the trailers", post("5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", chunked), refused},
	{"host in the trailers", post("5\r\nhello\r\n0\r\nHost: bee.tickets.example\r\n\r\n", chunked), refused},
	{"no colon in the trailers", post("5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\n\r\n", chunked), refused},
}

// fields are heads that could be taken apart in two ways.
var fields = []specimen{
	{"bare LF", "GET /x HTTP/1.1\nHost: HOST\n\n", refused},
	{"bare LF after a field", "GET /x HTTP/1.1\r\nHost: HOST\nX: y\r\n\r\n", refused},
	{"bare LF at the end of a head", "GET /x HTTP/1.1\r\nHost: HOST\r\n\n", refused},
	{"bare CR", "GET /x HTTP/1.1\rHost: HOST\r\r", refused},
	{"two CR", "GET /x HTTP/1.1\r\r\nHost: HOST\r\n\r\n", refused},
	{"bare CR in a value", get("X: a\rb"), refused},
	{"folded line", get("X: a", " b"), refused},
	{"folded first field", "GET /x HTTP/1.1\r\n X: y\r\nHost: HOST\r\n\r\n", refused},
	{"null in a value", get("X: a\x00b"), refused},
	{"control character in a value", get("X: a\x01b"), refused},
	{"DEL in a value", get("X: a\x7fb"), refused},
	{"null in a name", get("X\x00: a"), refused},
	{"space in a name", get("X Y: a"), refused},
	{"space before the colon", get("X : a"), refused},
	{"tab before the colon", get("X\t: a"), refused},
	{"no colon", get("X"), refused},
	{"no name", get(": a"), refused},
	{"brackets in a name", get("X(1): a"), refused},
	{"name beyond ASCII", get("Gr\xc3\xb6\xc3\x9fe: a"), refused},
	{"two hosts", get("Host: bee.tickets.example"), refused},
	{"the same host twice", get("Host: HOST"), refused},
	{"no host", head("GET /x HTTP/1.1"), refused},
	{"space before the colon of the host", head("GET /x HTTP/1.1", "Host : HOST"), refused},
	{"host with a path", head("GET /x HTTP/1.1", "Host: HOST/y"), refused},
	{"host with a user", head("GET /x HTTP/1.1", "Host: bee.tickets.example@HOST"), refused},
	{"list of hosts", head("GET /x HTTP/1.1", "Host: HOST, bee.tickets.example"), refused},
	{"space in the host", head("GET /x HTTP/1.1", "Host: HOST bee.tickets.example"), refused},
	{"host of nobody", head("GET /x HTTP/1.1", "Host: nobody.example"), refused},
}

// targets are request lines that are none, or that name two hosts.
var targets = []specimen{
	{"whole URL of another host", head("GET http://bee.tickets.example/x HTTP/1.1", "Host: HOST"), refused},
	{"another host beside the whole URL", head("GET http://HOST/x HTTP/1.1", "Host: bee.tickets.example"), refused},
	{"whole URL and no host", head("GET http://HOST/x HTTP/1.1"), refused},
	{"whole URL with a user", head("GET http://bee.tickets.example@HOST/x HTTP/1.1", "Host: HOST"), refused},
	{"whole URL of another scheme", head("GET ftp://HOST/x HTTP/1.1", "Host: HOST"), refused},
	{"whole URL without a host", head("GET http:///x HTTP/1.1", "Host: HOST"), refused},
	{"host instead of a path", head("GET HOST HTTP/1.1", "Host: HOST"), refused},
	{"path without a slash", head("GET x HTTP/1.1", "Host: HOST"), refused},
	{"star", head("GET * HTTP/1.1", "Host: HOST"), refused},
	{"CONNECT", head("CONNECT HOST:443 HTTP/1.1", "Host: HOST:443"), refused},
	{"CONNECT to a path", head("CONNECT /x HTTP/1.1", "Host: HOST"), refused},
	{"TRACE", head("TRACE /x HTTP/1.1", "Host: HOST"), refused},
	{"no method", head(" /x HTTP/1.1", "Host: HOST"), refused},
	{"method with brackets", head("GET(x) /x HTTP/1.1", "Host: HOST"), refused},
	{"method with a null", head("GE\x00T /x HTTP/1.1", "Host: HOST"), refused},
	{"tab for a space", head("GET\t/x\tHTTP/1.1", "Host: HOST"), refused},
	{"two spaces", head("GET  /x HTTP/1.1", "Host: HOST"), refused},
	{"two spaces before the version", head("GET /x  HTTP/1.1", "Host: HOST"), refused},
	{"space at the end", head("GET /x HTTP/1.1 ", "Host: HOST"), refused},
	{"space in the path", head("GET /x y HTTP/1.1", "Host: HOST"), refused},
	{"null in the path", head("GET /x\x00 HTTP/1.1", "Host: HOST"), refused},
	{"path beyond ASCII", head("GET /gr\xc3\xbc\xc3\x9fe HTTP/1.1", "Host: HOST"), refused},
	{"fragment", head("GET /x#y HTTP/1.1", "Host: HOST"), refused},
	{"bad escape", head("GET /x%zz HTTP/1.1", "Host: HOST"), refused},
	{"HTTP/0.9", "GET /x\r\n", refused},
	{"HTTP/0.9 by name", head("GET /x HTTP/0.9", "Host: HOST"), refused},
	{"HTTP/2.0 in letters", head("GET /x HTTP/2.0", "Host: HOST"), refused},
	{"HTTP/1.2", head("GET /x HTTP/1.2", "Host: HOST"), refused},
	{"HTTP/1.10", head("GET /x HTTP/1.10", "Host: HOST"), refused},
	{"HTTP/01.1", head("GET /x HTTP/01.1", "Host: HOST"), refused},
	{"http/1.1", head("GET /x http/1.1", "Host: HOST"), refused},
	{"ICAP", head("GET /x ICAP/1.1", "Host: HOST"), refused},
	{"HTTP/2 without notice", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused},
	{"a path that leads elsewhere", head("GET /x/../y HTTP/1.1", "Host: HOST"), refused},
}
