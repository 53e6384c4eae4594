package views

import (
	"maps"
	"net/url"
	"slices"
)

// Wrong is what was wrong with a form: sentences by field, and one about the
// whole.
type Wrong struct {
	Whole  string
	Fields map[string]string
}

// any says that something was wrong.
func (w Wrong) any() bool { return w.Whole != "" || len(w.Fields) > 0 }

// lines are the errors in the order of the form's fields, then those about
// fields that the form does not show.
func (w Wrong) lines(order ...string) []FieldError {
	var out []FieldError
	for _, name := range order {
		if text := w.Fields[name]; text != "" {
			out = append(out, FieldError{Name: name, Message: text})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Fields)) {
		if !slices.Contains(order, name) {
			out = append(out, FieldError{Message: w.Fields[name]})
		}
	}
	return out
}

// SignIn is any of the doors: a shop's, the resellers', the operators'.
type SignIn struct {
	Title, Text string
	Action      string
	Next        string // a page of ours to go on to
	Email       string
	Forgot      string // "" for a door without a way back in
	SignUp      string // "" for a door that opens no accounts
	Wrong       Wrong
}

// SignUp opens a customer's account.
type SignUp struct {
	Company     string
	Name, Email string
	Next        string
	Wrong       Wrong
}

// CheckMail sends a person to the letters.
type CheckMail struct {
	Title, Email, Text string
	Outbox             string // where a demonstration shows its letters, or ""
	Next               string // a page of ours to go on to
}

// Forgot asks for a link to a new password.
type Forgot struct {
	Email string
	Wrong Wrong
}

// Reset takes a new password.
type Reset struct {
	Action string
	Wrong  Wrong
}

// Confirm is a page of one large button.
type Confirm struct{ Title, Text, Action, Button string }

// Ended is a link that works no more, and the way on.
type Ended struct {
	Title, Text string
	Action      NavItem
	Other       NavItem
}

// keepNext adds the wanted page to the address of another door.
func keepNext(href, next string) string {
	if next == "" || next == "/" {
		return href
	}
	return href + "?next=" + url.QueryEscape(next)
}
