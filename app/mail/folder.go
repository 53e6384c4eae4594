package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ezscale/ezscale/app/fail"
)

// Folder writes each letter to a file of its own, readable by its owner only:
// the outbox of a demonstration, or of an installation without a mail server.
type Folder struct {
	dir string
	now func() time.Time
	mu  sync.Mutex
}

// NewFolder makes the folder when it is not there. now is wall time.
func NewFolder(dir string, now func() time.Time) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the outbox folder: %w", err)
	}
	return &Folder{dir: dir, now: now}, nil
}

// Entry is one letter of the outbox as a list shows it.
type Entry struct {
	ID       string // for Read
	At       time.Time
	From     string // address, without the name
	FromName string
	To       string
	Subject  string
}

// Stored is one whole letter of the outbox.
type Stored struct {
	Entry
	Text string
	HTML string
}

// Send writes the letter whole or not at all. A letter whose key was written
// before takes the place of the earlier one.
func (f *Folder) Send(_ context.Context, m Message) error {
	msg, err := compose(m, f.now())
	if err != nil {
		return err
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	path, err := f.path(m.Key)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(f.dir, ".letter-*")
	if err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(raw.Bytes())
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	return nil
}

// path is where the letter of a key stands already, or a new name that begins
// with the time, so that names sort as the letters went.
func (f *Folder) path(key string) (string, error) {
	tail := "-" + digest(key) + ".eml"
	earlier, err := filepath.Glob(filepath.Join(f.dir, "*"+tail))
	if err != nil {
		return "", fmt.Errorf("read the outbox: %w", err)
	}
	if len(earlier) > 0 {
		return earlier[0], nil
	}
	return filepath.Join(f.dir, f.now().UTC().Format("20060102T150405.000000")+tail), nil
}

// List gives the outbox, the newest first.
func (f *Folder) List() ([]Entry, error) {
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	var list []Entry
	for _, file := range files {
		id, ok := strings.CutSuffix(file.Name(), ".eml")
		if !ok || strings.HasPrefix(id, ".") {
			continue
		}
		entry, err := f.entry(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(b.ID, a.ID) })
	return list, nil
}

func (f *Folder) entry(id string) (Entry, error) {
	file, err := os.Open(filepath.Join(f.dir, id+".eml"))
	if err != nil {
		return Entry{}, fmt.Errorf("read the outbox: %w", err)
	}
	defer file.Close()
	m, err := mail.ReadMessage(file)
	if err != nil {
		return Entry{}, fmt.Errorf("read letter %s: %w", id, err)
	}
	return entryOf(id, m.Header)
}

func entryOf(id string, h mail.Header) (Entry, error) {
	at, err := h.Date()
	from, fromErr := mail.ParseAddress(h.Get("From"))
	to, toErr := mail.ParseAddress(h.Get("To"))
	subject, subjectErr := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err = errors.Join(err, fromErr, toErr, subjectErr); err != nil {
		return Entry{}, fmt.Errorf("read letter %s: %w", id, err)
	}
	return Entry{ID: id, At: at, From: from.Address, FromName: from.Name, To: to.Address, Subject: subject}, nil
}

// Read gives one letter by the id that List gave; any other id is NotFound.
func (f *Folder) Read(id string) (Stored, error) {
	if !legalID(id) {
		return Stored{}, fail.Missing("letter")
	}
	raw, err := os.ReadFile(filepath.Join(f.dir, id+".eml"))
	if errors.Is(err, fs.ErrNotExist) {
		return Stored{}, fail.Missing("letter")
	}
	if err != nil {
		return Stored{}, fmt.Errorf("read letter %s: %w", id, err)
	}
	return parse(id, raw)
}
