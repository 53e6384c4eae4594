package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// smtpTimeout bounds one whole delivery: dialling, TLS, sign-in and the letter.
const smtpTimeout = 20 * time.Second

// SMTP delivers through a mail server, one connection a letter.
type SMTP struct {
	host    string
	options []gomail.Option
	now     func() time.Time
}

// NewSMTP reads an address such as smtp://user:password@mail.example.com:587 or
// smtps://mail.example.com. smtps speaks TLS from the first byte (port 465);
// smtp (port 587) turns to TLS by STARTTLS, which ?starttls=required (the
// default, except towards this machine), optional or off governs. An error
// never repeats the password. now is wall time.
func NewSMTP(raw string, now func() time.Time) (*SMTP, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the mail server's address is not a URL: write smtp://user:password@host:587, with special characters of the password percent-encoded")
	}
	if u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, errors.New("the mail server's address must be smtp://host or smtps://host")
	}
	s := &SMTP{host: u.Hostname(), now: now, options: []gomail.Option{gomail.WithTimeout(smtpTimeout)}}
	if err := s.encryption(u); err != nil {
		return nil, err
	}
	if user := u.User.Username(); user != "" {
		password, _ := u.User.Password()
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(user), gomail.WithPassword(password))
	}
	if _, err := gomail.NewClient(s.host, s.options...); err != nil {
		return nil, fmt.Errorf("the mail server's address: %w", err)
	}
	return s, nil
}

func (s *SMTP) encryption(u *url.URL) error {
	port := 587
	if u.Scheme == "smtps" {
		port = 465
		s.options = append(s.options, gomail.WithSSL())
	} else {
		policy, err := startTLS(u)
		if err != nil {
			return err
		}
		s.options = append(s.options, gomail.WithTLSPolicy(policy))
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n < 1 || n > 65535 {
			return errors.New("the mail server's port must be a number from 1 to 65535")
		}
		port = n
	}
	s.options = append(s.options, gomail.WithPort(port))
	return nil
}

func startTLS(u *url.URL) (gomail.TLSPolicy, error) {
	switch word := u.Query().Get("starttls"); {
	case word == "required", word == "" && !loopback(u.Hostname()):
		return gomail.TLSMandatory, nil
	case word == "optional", word == "":
		return gomail.TLSOpportunistic, nil
	case word == "off":
		return gomail.NoTLS, nil
	default:
		return gomail.TLSMandatory, fmt.Errorf("starttls=%s is not known: use required, optional or off", word)
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Send delivers one letter within 20 seconds. The error wraps ErrRefused when
// the server refused this recipient or letter for good (an answer 5xx to it);
// trouble with the server itself is always worth another try.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(m, s.now())
	if err != nil {
		return err
	}
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", s.host, err)
	}
	ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("mail server %s: %w", s.host, judged(err))
	}
	return nil
}

func judged(err error) error {
	var sent *gomail.SendError
	if errors.As(err, &sent) && !sent.IsTemp() && sent.ErrorCode() >= 500 {
		switch sent.Reason {
		case gomail.ErrSMTPRcptTo, gomail.ErrSMTPDataClose:
			return errors.Join(ErrRefused, err)
		}
	}
	return err
}

// Check signs in to the server and leaves again, for `ezscale doctor`.
func (s *SMTP) Check(ctx context.Context) error {
	client, err := gomail.NewClient(s.host, s.options...)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, smtpTimeout)
		defer cancel()
		if err = client.DialWithContext(ctx); err == nil {
			err = client.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("mail server %s: %w", s.host, err)
	}
	return nil
}
