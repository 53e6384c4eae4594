package mail

import (
	"bytes"
	"encoding/base64"
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
	err = stored.read(id, m.Body, params["boundary"])
	return stored, err
}

// read takes a letter's parts in; those of one that has attachments stand in a
// part of their own.
func (s *Stored) read(id string, body io.Reader, boundary string) error {
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextPart() // undoes quoted-printable
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read letter %s: %w", id, err)
		}
		kind, params, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if strings.HasPrefix(kind, "multipart/") {
			if err := s.read(id, part, params["boundary"]); err != nil {
				return err
			}
			continue
		}
		if err := s.take(kind, part); err != nil {
			return fmt.Errorf("read letter %s: %w", id, err)
		}
	}
}

func (s *Stored) take(kind string, part *multipart.Part) error {
	var from io.Reader = part
	if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
		from = base64.NewDecoder(base64.StdEncoding, part)
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	switch {
	case part.FileName() != "":
		s.Files = append(s.Files, File{Name: part.FileName(), Kind: kind, Data: body})
	case kind == "text/plain":
		s.Text = text
	case kind == "text/html":
		s.HTML = text
	}
	return nil
}
