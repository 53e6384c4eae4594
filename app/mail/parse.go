package mail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
)

// legalID keeps a reader inside the folder: ids are a time and a hash.
func legalID(id string) bool {
	return id != "" && !strings.HasPrefix(id, ".") && !strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f') && r != 'T' && r != '.' && r != '-'
	})
}

// parse reads a letter that compose wrote.
func parse(id string, raw []byte) (Stored, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Stored{}, fmt.Errorf("read letter %s: %w", id, err)
	}
	entry, err := entryOf(id, m.Header)
	if err != nil {
		return Stored{}, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return Stored{}, fmt.Errorf("read letter %s: %w", id, err)
	}
	stored := Stored{Entry: entry}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart() // undoes quoted-printable
		if errors.Is(err, io.EOF) {
			return stored, nil
		}
		if err != nil {
			return Stored{}, fmt.Errorf("read letter %s: %w", id, err)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			return Stored{}, fmt.Errorf("read letter %s: %w", id, err)
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind {
		case "text/plain":
			stored.Text = text
		case "text/html":
			stored.HTML = text
		}
	}
}
