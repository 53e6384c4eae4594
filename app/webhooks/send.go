package webhooks

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/tenants"
)

// outcome is what came of one try.
type outcome struct {
	answer int // HTTP status; 0 when nobody answered
	took   time.Duration
	said   string
	after  time.Duration // for which the receiver asks us to wait
}

func (o outcome) taken() bool { return o.answer >= 200 && o.answer < 300 }

// gone is a receiver's way to say that it wants nothing any more.
func (o outcome) gone() bool { return o.answer == http.StatusGone }

const (
	readAtMost = 1 << 10
	keepAtMost = 200
	longestAsk = 24 * time.Hour
)

// newClient calls public addresses only, without a proxy in between, and goes nowhere
// that an answer sends it.
func (s *Service) newClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: s.admit}
	return &http.Client{
		Timeout:       answerWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots}, TLSHandshakeTimeout: 5 * time.Second,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConnsPerHost: 1, MaxIdleConns: 200, IdleConnTimeout: 30 * time.Second, DisableCompression: true, ForceAttemptHTTP2: true},
	}
}

// send tries once. An error is trouble of ours; what the endpoint did is the outcome.
func (s *Service) send(ctx context.Context, t tenants.Tenant, e sealed, d Delivery, now time.Time) (outcome, error) {
	began := s.Wall()
	signed, err := s.signatures(t, e, now, d.MessageID(), began, d.Body)
	if err != nil {
		return outcome{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, strings.NewReader(d.Body))
	if err != nil {
		return outcome{said: "The address cannot be called."}, nil
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "webhooks/1.0")
	r.Header.Set("webhook-id", d.MessageID())
	r.Header.Set("webhook-timestamp", strconv.FormatInt(began.Unix(), 10))
	r.Header.Set("webhook-signature", signed)
	answer, err := s.client.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return outcome{}, ctx.Err()
		}
		return outcome{took: s.Wall().Sub(began), said: whyNot(err)}, nil
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, readAtMost))
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	o := outcome{answer: answer.StatusCode, took: s.Wall().Sub(began), said: firstWords(text), after: asked(answer.Header.Get("Retry-After"))}
	switch {
	case o.taken() || o.said != "":
	case err != nil:
		o.said = "The answer broke off."
	case o.answer >= 300 && o.answer < 400:
		o.said = "It leads to another address, which is not followed."
	}
	return o, nil
}

// whyNot says in one sentence why nobody answered, and nothing about our own network.
func whyNot(err error) string {
	var name *net.DNSError
	var late net.Error
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var other x509.HostnameError
	var wrong *tls.CertificateVerificationError
	switch {
	case errors.Is(err, errNotPublic):
		return "The name leads to an address that is not public."
	case errors.As(err, &name):
		return "The name could not be resolved."
	case errors.As(err, &unknown), errors.As(err, &invalid), errors.As(err, &other), errors.As(err, &wrong):
		return "The certificate could not be verified."
	case errors.As(err, &late) && late.Timeout():
		return "No answer within 10 seconds."
	}
	return "The connection failed."
}

// firstWords are the beginning of an answer as plain text in one line.
func firstWords(raw []byte) string {
	text := strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(raw), ""))
	words := []rune(strings.Join(strings.Fields(text), " "))
	if len(words) > keepAtMost {
		return string(words[:keepAtMost]) + "…"
	}
	return string(words)
}

// asked reads Retry-After in seconds, up to a day.
func asked(text string) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n <= 0 {
		return 0
	}
	return min(time.Duration(min(n, 1<<20))*time.Second, longestAsk)
}

// waits are the pauses before each further try: three days in all.
func waits() []time.Duration {
	return []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
}

// pause is how long a message waits that has been tried so often; not ok when that was
// the last try. Messages of one moment come apart by up to a tenth.
func pause(tries int, id uuid.UUID, asked time.Duration) (d time.Duration, ok bool) {
	all := waits()
	if tries > len(all) {
		return 0, false
	}
	d = all[max(tries, 1)-1]
	return max(d+d*time.Duration(id[0])/2560, asked), true
}
