package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
)

// Text is a name or path: any bytes. In JSON it is a string when it is
// UTF-8, and {"base64": "…"} otherwise.
type Text string

// MarshalJSON implements [json.Marshaler].
func (t Text) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(t)) {
		return json.Marshal(string(t))
	}
	return json.Marshal(rawText{[]byte(t)})
}

type rawText struct {
	Base64 []byte `json:"base64"`
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var raw rawText
		decoder := json.NewDecoder(bytes.NewReader(b))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&raw); err != nil {
			return err
		}
		*t = Text(raw.Base64)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

// linkText is a link in JSON.
type linkText struct{ messages.Link }

// MarshalJSON implements [json.Marshaler].
func (l linkText) MarshalJSON() ([]byte, error) {
	text, err := format.FormatLink(l.Link)
	if err != nil {
		return nil, err
	}
	return json.Marshal(text)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (l *linkText) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	link, err := format.ParseLink(text)
	l.Link = link
	return err
}

// targetJSON is messages.Target.
type targetJSON struct {
	Link *linkText `json:"link,omitempty"`
	Path Text      `json:"path,omitempty"`
}

func toTarget(t messages.Target) targetJSON {
	wire := targetJSON{Path: Text(t.Path)}
	if t.Link != nil {
		wire.Link = &linkText{*t.Link}
	}
	return wire
}

func (t targetJSON) target() messages.Target {
	target := messages.Target{Path: string(t.Path)}
	if t.Link != nil {
		target.Link = &t.Link.Link
	}
	return target
}

// infoJSON is messages.Info.
type infoJSON struct {
	Name    Text      `json:"name"`
	Type    string    `json:"type"`
	Size    uint64    `json:"size"`
	Mode    uint32    `json:"mode"`
	ModTime time.Time `json:"modTime"`
	Target  Text      `json:"target,omitempty"`
	Inode   uint64    `json:"inode,omitempty"`
}

func toInfo(info messages.Info) infoJSON {
	return infoJSON{
		Name: Text(info.Name), Type: info.Type.String(), Size: info.Size, Mode: info.Mode,
		ModTime: info.ModTime, Target: Text(info.Target), Inode: info.Inode,
	}
}

func (i infoJSON) info() messages.Info {
	info := messages.Info{
		Name: string(i.Name), Size: i.Size, Target: string(i.Target), Inode: i.Inode,
		Attributes: messages.Attributes{Mode: i.Mode, ModTime: i.ModTime},
	}
	for _, t := range []messages.FileType{
		messages.TypeFile, messages.TypeDirectory, messages.TypeSymlink,
	} {
		if t.String() == i.Type {
			info.Type = t
		}
	}
	return info
}

// Requests and replies, one of each per path that has any.
type (
	listRequest struct {
		targetJSON
		After Text `json:"after,omitempty"`
		Limit int  `json:"limit,omitempty"`
	}
	listReply struct {
		Entries []infoJSON `json:"entries"`
		More    bool       `json:"more"`
	}
	openReply struct {
		Handle string   `json:"handle"`
		Info   infoJSON `json:"info"`
	}
	readRequest struct {
		Handle string `json:"handle"`
		Offset int64  `json:"offset"`
		Length int64  `json:"length"` // negative: to the end
	}
	pathRequest struct {
		Path      Text `json:"path"`
		Parents   bool `json:"parents,omitempty"`
		Recursive bool `json:"recursive,omitempty"`
	}
	renameRequest struct {
		From    Text `json:"from"`
		To      Text `json:"to"`
		Replace bool `json:"replace,omitempty"`
	}
	linkRequest struct {
		Link *linkText `json:"link"`
		Path Text      `json:"path,omitempty"`
	}
	linkReply struct {
		Link linkText `json:"link"`
	}
	shareLine struct {
		Link linkText `json:"link"`
		Path Text     `json:"path,omitempty"`
		Name Text     `json:"name,omitempty"`
	}
	cidLine struct {
		CID string `json:"cid"`
	}
	collectRequest struct {
		DryRun  bool `json:"dryRun,omitempty"`
		Without Text `json:"without,omitempty"`
		Purge   bool `json:"purge,omitempty"`
	}
	workLine[R any] struct {
		Progress *node.Progress `json:"progress,omitempty"`
		Result   *R             `json:"result,omitempty"`
		Error    *errorJSON     `json:"error,omitempty"`
	}
)

// errorJSON is a failure. Code is a messages.Code as a number, Text its
// words.
type errorJSON struct {
	Code messages.Code `json:"code"`
	Text string        `json:"text"`
}

func toError(err error) *errorJSON {
	var coded *messages.Error
	if errors.As(err, &coded) {
		return &errorJSON{coded.Code, err.Error()}
	}
	return &errorJSON{messages.CodeInternal, err.Error()}
}

func (e *errorJSON) err() error { return messages.Errorf(e.Code, "%s", e.Text) }

// httpStatus maps a failure to a status: the one place that does.
func httpStatus(err error) int {
	var size *http.MaxBytesError
	if errors.As(err, &size) {
		return http.StatusRequestEntityTooLarge
	}
	var coded *messages.Error
	if !errors.As(err, &coded) {
		return http.StatusInternalServerError
	}
	switch coded.Code {
	case messages.CodeNotFound:
		return http.StatusNotFound
	case messages.CodeExists, messages.CodeNotEmpty:
		return http.StatusConflict
	case messages.CodeInvalid, messages.CodeNotDirectory, messages.CodeIsDirectory:
		return http.StatusBadRequest
	case messages.CodeNoSpace, messages.CodeQuota:
		return http.StatusInsufficientStorage
	case messages.CodeOverload:
		return http.StatusTooManyRequests
	case messages.CodeReadOnly:
		return http.StatusForbidden
	case messages.CodeRestarted, messages.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// errorTrailer ends a stream of bytes that failed after it began.
const errorTrailer = "Noisefs-Error"

func trailerText(err error) string {
	text, marshalErr := json.Marshal(toError(err))
	if marshalErr != nil {
		return fmt.Sprintf(`{"code":%d}`, messages.CodeInternal)
	}
	return string(text)
}
