// Package mail carries letters to people: through a mail server, into a folder
// that a demonstration shows as its outbox, or into memory for tests. What the
// letters say is written in views; when they go is decided in notify.
package mail

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// Message is one letter to one person. Key names its cause, for example
// "user.registered:17" in one shop; the same key gives the same Message-ID, so
// that a mail server or reader can tell a repetition.
type Message struct {
	Key      string
	From     string // address only
	FromName string
	ReplyTo  string // address only, may be empty
	To       string // address only
	Subject  string
	Text     string
	HTML     string
	Files    []File // attached, in this order
}

// File is an attachment. Kind is its media type, such as application/pdf.
type File struct {
	Name string
	Kind string
	Data []byte
}

// Sender hands a letter over for delivery. Whether an error is worth another
// try is told by Refused.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// ErrRefused is wrapped by errors that another try cannot mend: the letter is
// not well formed, or the server said for good that it will not take it.
var ErrRefused = errors.New("the mail was refused")

// Refused reports whether err would come back on every further try.
func Refused(err error) bool { return errors.Is(err, ErrRefused) }

// compose turns a letter into its RFC 5322 form. No text of a letter can add a
// header: addresses must be bare, and line breaks in names and subjects become
// spaces.
func compose(m Message, at time.Time) (*gomail.Msg, error) {
	from, err := address(m.From, "from")
	if err != nil {
		return nil, err
	}
	to, err := address(m.To, "to")
	if err != nil {
		return nil, err
	}
	if m.Key == "" || m.Text == "" || m.HTML == "" {
		return nil, fmt.Errorf("%w: a letter needs a key, a text and an HTML part", ErrRefused)
	}
	id := digest(m.Key)
	options := []gomail.MsgOption{gomail.WithNoDefaultUserAgent()}
	if len(m.Files) == 0 { // with files there are parts within parts, whose boundaries must differ
		options = append(options, gomail.WithBoundary("part-"+id))
	}
	msg := gomail.NewMsg(options...)
	from.Name = line(m.FromName)
	msg.FromMailAddress(from)
	msg.ToMailAddress(to)
	if m.ReplyTo != "" {
		reply, err := address(m.ReplyTo, "reply-to")
		if err != nil {
			return nil, err
		}
		msg.ReplyToMailAddress(reply)
	}
	msg.Subject(line(m.Subject))
	msg.SetDateWithValue(at)
	msg.SetMessageIDWithValue(id + "@" + from.Address[strings.LastIndexByte(from.Address, '@')+1:])
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday replies
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	for _, f := range m.Files {
		if err := msg.AttachReader(line(f.Name), bytes.NewReader(f.Data), gomail.WithFileContentType(gomail.ContentType(f.Kind))); err != nil {
			return nil, fmt.Errorf("%w: the file %s cannot be attached", ErrRefused, line(f.Name))
		}
	}
	return msg, nil
}

func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// address reads a bare address; a name, a list or a control character is refused.
func address(s, what string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || strings.ContainsFunc(s, unicode.IsControl) {
		return nil, fmt.Errorf("%w: the %s address is not one bare address", ErrRefused, what)
	}
	return &mail.Address{Address: a.Address}, nil
}

// line is s on one line without control characters.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}
