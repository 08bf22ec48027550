// Package api carries node.Client over HTTP: [Server] puts a node behind a
// unix socket, [Dial] makes a client of one. The command line uses it when a
// daemon runs, and so can anything that speaks HTTP:
//
//	curl --unix-socket ~/.noisefs/api.sock -T report.pdf \
//	     'http://noisefs/v1/file?path=/docs/report.pdf'
//
// # Shape
//
// Requests and replies are JSON, files are plain bytes, trees are tar
// streams (PAX, entries depth first with names ascending in each directory).
// Links travel in bodies and never in URLs. Lists and long work answer with
// JSON lines; a line with "error" ends a stream that failed. A stream of
// bytes that failed ends with the trailer Noisefs-Error.
//
// A name that is not UTF-8 is written {"base64": "…"} instead of a string.
//
// # Who may
//
// The socket lies in a folder of the user's own and has mode 0600: whoever
// can open it is the user. There is no other authentication.
//
// # Bounds
//
// Connections, the size of a JSON request and open files are bounded by
// [Options]; over a bound the reply is 429 or 413.
package api
