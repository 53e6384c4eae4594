// Package fail is how the product says no: a kind for the machine, one sentence
// for the person, and the field it is about. Everything that is not a *fail.Error
// is an internal fault, whose text is logged and never shown.
package fail

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Kind says what sort of refusal an error is. app/web maps kinds to statuses.
type Kind int

// The kinds, with the HTTP status each becomes.
const (
	Internal        Kind = iota // 500
	Invalid                     // 422, with fields
	BadRequest                  // 400
	Unauthorised                // 401
	PaymentRequired             // 402
	Forbidden                   // 403
	NotFound                    // 404
	Conflict                    // 409
	TooLarge                    // 413
	UnsupportedType             // 415
	TooMany                     // 429
	Unavailable                 // 503
)

// Error is a refusal that may be shown. Code is the machine's word for it where
// the kind's own is not exact enough (for example "no_capacity"); Fields maps a
// form field to its sentence.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Fields  map[string]string
	Cause   error
}

// Error gives the sentence; the cause is for the log only, through Unwrap.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause, if there was one.
func (e *Error) Unwrap() error { return e.Cause }

// New makes a refusal of the kind with a sentence that says what happened and
// what to do.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Coded is New with the machine's own word for the refusal.
func Coded(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New that remembers what caused it.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Missing says that something named does not exist, or is somebody else's,
// which is the same thing to whoever asks.
func Missing(what string) *Error { return New(NotFound, "There is no such %s.", what) }

// Fields collects the sentences of a form, one a field.
type Fields map[string]string

// Add keeps the first sentence said about a field.
func (f Fields) Add(field, format string, args ...any) {
	if _, said := f[field]; !said {
		f[field] = fmt.Sprintf(format, args...)
	}
}

// Err is nil when nothing was said, else an Invalid error that carries every
// field. Its own sentence is that of the first field in alphabetical order.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	first := slices.Sorted(maps.Keys(f))[0]
	return &Error{Kind: Invalid, Message: f[first], Fields: maps.Clone(f)}
}

// KindOf finds the kind of any error; Internal when it is not a refusal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is a refusal of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
