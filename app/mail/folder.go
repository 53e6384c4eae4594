package mail

import (
	"bytes"
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
	ids map[string]string // of the letters, by the hash of their keys
}

// maxListed is how many letters a list shows.
const maxListed = 500

// NewFolder makes the folder when it is not there. now is wall time.
func NewFolder(dir string, now func() time.Time) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the outbox folder: %w", err)
	}
	f := &Folder{dir: dir, now: now, ids: map[string]string{}}
	ids, err := f.all()
	for _, id := range ids {
		_, hash, _ := strings.Cut(id, "-")
		f.ids[hash] = id
	}
	return f, err
}

// all gives the ids of the letters; ids sort as the letters went.
func (f *Folder) all() ([]string, error) {
	files, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	var ids []string
	for _, file := range files {
		if id, ok := strings.CutSuffix(file.Name(), ".eml"); ok && legalID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
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
	Text  string
	HTML  string
	Files []File
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
	id, again := f.ids[digest(m.Key)]
	if !again {
		id = f.now().UTC().Format("20060102T150405.000000") + "-" + digest(m.Key)
	}
	temp, err := os.CreateTemp(f.dir, ".letter-*")
	if err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(raw.Bytes())
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), filepath.Join(f.dir, id+".eml"))
	}
	if err != nil {
		return fmt.Errorf("write the letter: %w", err)
	}
	f.ids[digest(m.Key)] = id
	return nil
}

// List gives the outbox, the newest first, at most 500 letters.
func (f *Folder) List() ([]Entry, error) {
	ids, err := f.all()
	if err != nil {
		return nil, err
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	var list []Entry
	for _, id := range ids[:min(len(ids), maxListed)] {
		entry, err := f.entry(id)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
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
