package mail

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// server is a mail server of one page. replies changes what it answers to a
// verb; every letter that it takes goes to letters.
type server struct {
	address string
	replies map[string]string
	auth    chan string
	letters chan string
}

func serve(t *testing.T, replies map[string]string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{l.Addr().String(), replies, make(chan string, 8), make(chan string, 8)}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(conn)
		}
	}()
	return s
}

func (s *server) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	say := func(text string) { io.WriteString(conn, text+"\r\n") }
	say("220 ready")
	for {
		got, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.Fields(got)[0])
		if reply, ok := s.replies[verb]; ok {
			say(reply)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-here\r\n250-AUTH CRAM-MD5\r\n250 8BITMIME")
		case "AUTH":
			say("334 " + base64.StdEncoding.EncodeToString([]byte("<1@here>")))
			answer, _ := in.ReadString('\n')
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(answer))
			s.auth <- strings.Fields(string(raw))[0]
			say("235 welcome")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for line := ""; line != ".\r\n"; line, _ = in.ReadString('\n') {
				text.WriteString(line)
			}
			if reply, ok := s.replies["."]; ok {
				say(reply)
				continue
			}
			s.letters <- text.String()
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func TestSMTPDelivers(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	sender, err := NewSMTP("smtp://robot:pa%20ss@"+s.address, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(context.Background(), letter()); err != nil {
		t.Fatal(err)
	}
	if got := <-s.auth; got != "robot" {
		t.Errorf("signed in as %q", got)
	}
	read, err := mail.ReadMessage(strings.NewReader(<-s.letters))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := read.Header.Get("Message-ID"), "<"+digest(letter().Key)+"@shop.test>"; got != want {
		t.Errorf("message id: got %s, want %s", got, want)
	}
	if got := read.Header.Get("To"); got != "<ada@example.test>" {
		t.Errorf("to: got %s", got)
	}
	if kind := read.Header.Get("Content-Type"); !strings.HasPrefix(kind, "multipart/alternative") {
		t.Errorf("content type: got %s", kind)
	}
	if err := sender.Check(context.Background()); err != nil {
		t.Errorf("check: %v", err)
	}
}

func TestSMTPTellsRefusalFromTrouble(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		replies map[string]string
		refused bool
	}{
		{"no such person", map[string]string{"RCPT": "550 5.1.1 no such user"}, true},
		{"person is busy", map[string]string{"RCPT": "450 4.2.1 try later"}, false},
		{"letter refused", map[string]string{".": "554 5.7.1 looks like spam"}, true},
		{"letter deferred", map[string]string{".": "451 4.3.0 try later"}, false},
		{"sender refused", map[string]string{"MAIL": "550 5.7.1 not from here"}, false},
		{"wrong password", map[string]string{"AUTH": "535 5.7.8 wrong"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sender, err := NewSMTP("smtp://robot:secretword@"+serve(t, c.replies).address, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			err = sender.Send(context.Background(), letter())
			if err == nil || Refused(err) != c.refused || strings.Contains(err.Error(), "secretword") {
				t.Errorf("got %v, want refused %v", err, c.refused)
			}
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	sender, err := NewSMTP("smtp://"+l.Addr().String(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(context.Background(), letter()); err == nil || Refused(err) {
		t.Errorf("nobody listens: got %v, want an error worth another try", err)
	}
}

func TestSMTPInsistsOnTLS(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	sender, err := NewSMTP("smtp://robot:x@"+s.address+"?starttls=required", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := sender.Send(context.Background(), letter()); err == nil {
		t.Error("a server without STARTTLS must get nothing")
	}
	if len(s.auth)+len(s.letters) != 0 {
		t.Error("the password or the letter went in the clear")
	}
}

func TestSMTPAddresses(t *testing.T) {
	t.Parallel()
	for raw, ok := range map[string]bool{
		"smtp://mail.example.test":                        true,
		"smtps://u:p@mail.example.test":                   true,
		"smtp://u:p@mail.example.test:25?starttls=off":    true,
		"smtp://mail.example.test?starttls=sometimes":     false,
		"smtp://mail.example.test:99999":                  false,
		"mail.example.test:25":                            false,
		"https://mail.example.test":                       false,
		"smtp://":                                         false,
		"smtp://robot:very-secret%zz@mail.example.test:1": false,
	} {
		_, err := NewSMTP(raw, time.Now)
		if (err == nil) != ok {
			t.Errorf("%s: got %v", raw, err)
		}
		if err != nil && strings.Contains(fmt.Sprint(err), "very-secret") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
