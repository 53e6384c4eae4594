package mail

import (
	"bytes"
	"context"
	"net/mail"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ezscale/ezscale/app/fail"
)

func letter() Message {
	return Message{
		Key: "a/user.registered:17", From: "hello@shop.test", FromName: "Grüße & Co, Ltd.", ReplyTo: "help@shop.test", To: "ada@example.test",
		Subject: "Willkommen — bestätigen Sie", Text: "Hallo Ada,\n\nein langer Satz mit Umlauten: äöü und = Zeichen.\n", HTML: "<p>Hallo Ada &amp; alle</p>\n",
	}
}

func TestAFolderShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	folder, err := NewFolder(filepath.Join(t.TempDir(), "outbox"), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	first, second := letter(), letter()
	second.Key, second.Subject = "a/user.registered:18", "Second"
	for _, m := range []Message{first, second} {
		if err := folder.Send(context.Background(), m); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	list, err := folder.List()
	if err != nil || len(list) != 2 || list[0].Subject != "Second" {
		t.Fatalf("got %+v, %v; want two, the newest first", list, err)
	}
	got, err := folder.Read(list[1].ID)
	want := Stored{Entry{list[1].ID, got.At, first.From, first.FromName, first.To, first.Subject}, first.Text, first.HTML, nil}
	if err != nil || !reflect.DeepEqual(got, want) || !got.At.Equal(at.Add(-2*time.Second)) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}

	if folder, err = NewFolder(folder.dir, folder.now); err != nil { // the program starts again
		t.Fatal(err)
	}
	first.Subject = "Again"
	if err := folder.Send(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	if list, _ = folder.List(); len(list) != 2 || list[1].Subject != "Again" {
		t.Errorf("got %+v, want the letter of the same key replaced in its place", list)
	}
	info, err := os.Stat(filepath.Join(folder.dir, list[0].ID+".eml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want 0600", info.Mode(), err)
	}
}

func TestAFolderReadsOnlyItsLetters(t *testing.T) {
	t.Parallel()
	folder, err := NewFolder(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", "..", "../../etc/passwd", "20261105T120000.000000-00", "a/b", "a\x00"} {
		if _, err := folder.Read(id); !fail.Is(err, fail.NotFound) {
			t.Errorf("id %q: got %v, want NotFound", id, err)
		}
	}
}

func TestNoTextOfALetterAddsAHeader(t *testing.T) {
	t.Parallel()
	m := letter()
	m.Subject = "Hello\r\nBcc: victim@example.test\r\n\r\nbody"
	m.FromName = "Shop\" <evil@example.test>\nBcc: victim@example.test"
	msg, err := compose(m, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	read, err := mail.ReadMessage(&raw)
	if err != nil {
		t.Fatal(err)
	}
	from, err := read.Header.AddressList("From")
	if err != nil || len(from) != 1 || from[0].Address != "hello@shop.test" || read.Header.Get("Bcc") != "" {
		t.Errorf("got from %v, bcc %q, %v", from, read.Header.Get("Bcc"), err)
	}
	if got := read.Header.Get("Subject"); !strings.Contains(got, "Bcc: victim") {
		t.Errorf("got subject %q, want the whole of it on one line", got)
	}

	for name, change := range map[string]func(*Message){
		"two recipients":  func(m *Message) { m.To = "a@example.test, b@example.test" },
		"recipient break": func(m *Message) { m.To = "a@example.test\r\nBcc: b@example.test" },
		"named recipient": func(m *Message) { m.To = "Ada <a@example.test>" },
		"reply-to break":  func(m *Message) { m.ReplyTo = "a@example.test\nX: y" },
		"no sender":       func(m *Message) { m.From = "" },
		"no html":         func(m *Message) { m.HTML = "" },
		"no key":          func(m *Message) { m.Key = "" },
	} {
		m := letter()
		change(&m)
		if err := new(Memory).Send(context.Background(), m); !Refused(err) {
			t.Errorf("%s: got %v, want refused", name, err)
		}
	}
}

func TestTheSameKeyGivesTheSameLetter(t *testing.T) {
	t.Parallel()
	write := func(m Message) string {
		msg, err := compose(m, time.Unix(0, 0).UTC())
		if err != nil {
			t.Fatal(err)
		}
		var raw bytes.Buffer
		if _, err := msg.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		return raw.String()
	}
	other := letter()
	other.Key = "b/user.registered:17"
	if write(letter()) != write(letter()) || write(letter()) == write(other) {
		t.Error("a letter follows from its key and texts alone")
	}
}

func TestFilesArriveAsTheyWereAttached(t *testing.T) {
	t.Parallel()
	folder, err := NewFolder(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("%PDF-1.3\r\n\x00\xff not text \r\n")
	m := Message{Key: "invoice:1", From: "shop@example.test", To: "ada@example.test", Subject: "Invoice", Text: "Hello\n", HTML: "<p>Hello</p>\n",
		Files: []File{{Name: "INV-1.pdf", Kind: "application/pdf", Data: data}}}
	if err := folder.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	list, err := folder.List()
	if err != nil || len(list) != 1 {
		t.Fatalf("%d letters, %v", len(list), err)
	}
	got, err := folder.Read(list[0].ID)
	if err != nil || len(got.Files) != 1 {
		t.Fatalf("%d files, %v", len(got.Files), err)
	}
	if f := got.Files[0]; f.Name != "INV-1.pdf" || f.Kind != "application/pdf" || string(f.Data) != string(data) || got.Text != "Hello\n" || got.HTML != "<p>Hello</p>\n" {
		t.Errorf("the letter reads %+v", got)
	}
}
