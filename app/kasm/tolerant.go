package kasm

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// The types here read a field in every shape that servers of different versions
// were seen to send, and give the zero value for any other: one odd field must not
// hide the rest of a list of desktops.

// text reads a string, and a number as its digits.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	s, ok := unquote(b)
	switch {
	case ok:
		*t = text(s)
	case len(b) > 0 && (b[0] == '-' || b[0] >= '0' && b[0] <= '9'):
		*t = text(b)
	}
	return nil
}

// unquote reads a JSON string. Most need no more than their quotes taken off,
// which matters in a list of ten thousand desktops.
func unquote(b []byte) (string, bool) {
	if len(b) < 2 || b[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(b, '\\') < 0 {
		return strings.ToValidUTF8(string(b[1:len(b)-1]), "\uFFFD"), true
	}
	var s string
	err := json.Unmarshal(b, &s)
	return s, err == nil
}

// number reads a number, also one written as a string.
type number float64

func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	_ = t.UnmarshalJSON(b)
	f, err := strconv.ParseFloat(strings.TrimSpace(string(t)), 64)
	if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*n = number(f)
	}
	return nil
}

func (n number) int64() int64 {
	if n < 0 || n >= math.MaxInt64 {
		return 0
	}
	return int64(n)
}

// flag reads true, "true", "True" and 1.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	s := strings.ToLower(strings.Trim(string(b), `" `))
	*f = s == "true" || s == "1"
	return nil
}

// moment reads a date. Kasm's are naive and taken as UTC; a missing one may be
// null, empty or the word None.
type moment time.Time

func (m *moment) UnmarshalJSON(b []byte) error {
	if s, ok := unquote(b); ok {
		*m = moment(parseDate(s))
	}
	return nil
}

func parseDate(s string) time.Time {
	s = strings.TrimSpace(s)
	if s == "" || s == "None" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// ident reads an id in either spelling; anything else becomes "".
type ident string

func (i *ident) UnmarshalJSON(b []byte) error {
	if s, ok := unquote(b); ok {
		id, _ := ParseID(s)
		*i = ident(id)
	}
	return nil
}

// viewed tells whether somebody looks at a desktop: an object, list or string that
// holds anything. Where there is none at all, or null, nobody knows.
type viewed struct{ known, now bool }

func (f *viewed) UnmarshalJSON(b []byte) error {
	var v any
	if string(b) == "{}" {
		f.known = true
		return nil
	}
	if json.Unmarshal(b, &v) != nil {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		f.known, f.now = true, len(v) > 0
	case []any:
		f.known, f.now = true, len(v) > 0
	case string:
		f.known, f.now = true, v != "" && v != "None" && v != "{}"
	}
	return nil
}

// list reads an array and keeps apart "no such field" and "empty": an answer
// without its list is not an empty list. An element of another type is left zero.
type list[T any] struct {
	present bool
	items   []T
}

func (l *list[T]) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		err := json.Unmarshal(b, &l.items)
		var odd *json.UnmarshalTypeError
		l.present = err == nil || errors.As(err, &odd)
	}
	return nil
}

// lenient decodes an object whose fields may have other types than expected.
func lenient(data []byte, into any) bool {
	data = bytes.TrimSpace(data)
	if len(data) == 0 || data[0] != '{' {
		return false
	}
	err := json.Unmarshal(data, into)
	var odd *json.UnmarshalTypeError
	return err == nil || errors.As(err, &odd)
}

// count reads a number of things, also given as the list or object of them.
type count int

func (c *count) UnmarshalJSON(b []byte) error {
	var many []json.RawMessage
	var named map[string]json.RawMessage
	switch {
	case json.Unmarshal(b, &many) == nil && many != nil:
		*c = count(len(many))
	case json.Unmarshal(b, &named) == nil && named != nil:
		*c = count(len(named))
	default:
		var n number
		_ = n.UnmarshalJSON(b)
		*c = count(small(n))
	}
	return nil
}
