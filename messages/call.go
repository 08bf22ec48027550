package messages

import "fmt"

// Corr is a correlation id: chosen by the asker, unique among what that
// incarnation of it asks, and carried back by the reply.
type Corr uint64

// Call is embedded in every command.
type Call struct{ Corr Corr }

// Correlation returns the command's correlation id.
func (c Call) Correlation() Corr { return c.Corr }

func (Call) isCommand() {}

// Command is what gets exactly one reply.
type Command interface {
	Correlation() Corr
	isCommand()
}

// Answer is embedded in every reply and every port answer.
type Answer struct{ Corr Corr }

// Correlation returns the id of the command that this answers.
func (a Answer) Correlation() Corr { return a.Corr }

func (Answer) isReply() {}

// Reply is the one answer to a command.
type Reply interface {
	Correlation() Corr
	isReply()
}

// Code classifies a failure, so that callers and boundaries (exit code, HTTP
// status, errno) need not read error text.
type Code uint8

// The codes of failure.
const (
	CodeInternal  Code = iota + 1 // a bug; the detail is in the log
	CodeRestarted                 // the actor restarted or stopped; the command may or may not have happened
	CodeNotFound                  // no such block, name, link, session
	CodeExists                    // the name or row is already there
	CodeInvalid                   // the request makes no sense
	CodeCorrupt                   // bytes do not prove what they claim
	CodeNoSpace                   // the disk is full
	CodeQuota                     // the configured quota is reached
	CodeOverload                  // a named bound is reached; ask again later
	CodeReadOnly                  // the disk or the repository cannot be written
	CodeNotDirectory
	CodeIsDirectory
	CodeNotEmpty
	CodeIO          // the disk failed
	CodeCanceled    // the asker went away
	CodeUnavailable // the block exists, but nobody reachable has it
)

var codeNames = map[Code]string{
	CodeInternal: "internal error", CodeRestarted: "interrupted by a restart",
	CodeNotFound: "not found", CodeExists: "already exists", CodeInvalid: "invalid",
	CodeCorrupt: "corrupt", CodeNoSpace: "no space left on disk", CodeQuota: "quota reached",
	CodeOverload: "too busy", CodeReadOnly: "read-only", CodeNotDirectory: "not a directory",
	CodeIsDirectory: "is a directory", CodeNotEmpty: "directory not empty", CodeIO: "disk error",
	CodeCanceled: "canceled", CodeUnavailable: "unavailable",
}

// String returns the code in words.
func (c Code) String() string {
	if name, ok := codeNames[c]; ok {
		return name
	}
	return fmt.Sprintf("Code(%d)", uint8(c))
}

// Error is an error with a [Code]. Text never holds keys, links, names or
// plaintext of the user.
type Error struct {
	Code Code
	Text string // what failed, in plain words; may be empty
	Err  error  // the cause, or nil
}

// Error returns the text, the code and the cause.
func (e *Error) Error() string {
	s := e.Text
	if s == "" {
		s = e.Code.String()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Code: c}) compare by code alone.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Text == "" && t.Err == nil && t.Code == e.Code
}

// Errorf makes an [Error] with a formatted text.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...)}
}

// Failed is the reply to any command that could not be done.
type Failed struct {
	Answer
	Err *Error
}
