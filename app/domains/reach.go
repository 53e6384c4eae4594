package domains

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

const (
	// ProbePath is below which we answer ourselves on every host.
	ProbePath   = "/.well-known/ezscale/"
	probeWithin = 4 * time.Second
	maxProbed   = 4 // addresses of one name
)

// Answer is what this installation says at ProbePath+token on a host: something that
// only it can say, and that tells a stranger nothing. Not ok is for what we would
// never ask.
func (s *Service) Answer(host, token string) (text string, ok bool) {
	raw, err := hex.DecodeString(token)
	if err != nil || len(raw) != 16 {
		return "", false
	}
	name, err := tenants.NormalHost(host)
	if err != nil {
		return "", false
	}
	return hex.EncodeToString(s.Signer.Sign([]byte(name+" "+strings.ToLower(token)), probeContext())), true
}

func probeContext() []byte { return seal.Context(uuid.Nil, "domain probe") }

// reachSteps goes the way of a visitor. Only our own addresses are ever called: a
// name may lead anywhere.
func (s *Service) reachSteps(ctx context.Context, d Domain, r records, proven bool) []Step {
	addrs := ours(r)
	reached := s.httpStep(ctx, d.Domain.Domain, addrs)
	if !s.HTTPS {
		off := "This installation leaves HTTPS to the server before it."
		return []Step{reached, step(StepCertificate, Off, off), step(StepRedirect, Off, off), step(StepHSTS, Off, off)}
	}
	certificate := s.certificateStep(d, proven)
	if !certificate.OK || len(addrs) == 0 {
		return []Step{reached, certificate, step(StepRedirect, Waiting, "Waits for the certificate."), step(StepHSTS, Waiting, "Waits for the certificate.")}
	}
	return []Step{reached, certificate, s.redirectStep(ctx, d.Domain.Domain, addrs[0]), s.hstsStep(ctx, d.Domain.Domain, addrs[0])}
}

func (s *Service) httpStep(ctx context.Context, name string, addrs []netip.Addr) Step {
	if len(addrs) == 0 {
		return step(StepHTTP, Waiting, "Waits until the name leads to our edge.")
	}
	for _, addr := range addrs[:min(len(addrs), maxProbed)] {
		if sentence := s.probe(ctx, name, addr); sentence != "" {
			return step(StepHTTP, Bad, sentence)
		}
	}
	return step(StepHTTP, Good, "Visitors reach us at "+name+".")
}

// probe asks one address for what only we can say.
func (s *Service) probe(ctx context.Context, name string, addr netip.Addr) string {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // never fails
	token := hex.EncodeToString(raw)
	want, _ := s.Answer(name, token)
	place := net.JoinHostPort(addr.String(), strconv.Itoa(s.HTTPPort))
	answer, err := s.call(ctx, "http", name, addr, s.HTTPPort, ProbePath+token)
	if err != nil {
		return "Nobody answers at " + place + ": a firewall may be in the way."
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 256))
	if err != nil || answer.StatusCode != http.StatusOK || strings.TrimSpace(string(said)) != want {
		return "Something else than this installation answers at " + place + "."
	}
	return ""
}

func (s *Service) certificateStep(d Domain, proven bool) Step {
	switch {
	case d.SSLStatus == "active" && d.SSLExpiresAt != nil && d.SSLExpiresAt.Before(s.Wall()):
		return step(StepCertificate, Bad, "The certificate ran out on "+d.SSLExpiresAt.UTC().Format("January 2, 2006")+because(d)+".")
	case d.SSLStatus == "active" && d.SSLExpiresAt != nil:
		return step(StepCertificate, Good, "The certificate is valid until "+d.SSLExpiresAt.UTC().Format("January 2, 2006")+" and renewed before.")
	case d.SSLStatus == "active":
		return step(StepCertificate, Good, "The certificate is there.")
	case d.SSLStatus == "failed" && d.SSLError != nil:
		return step(StepCertificate, Bad, *d.SSLError)
	case d.SSLStatus == "failed":
		return step(StepCertificate, Bad, "No certificate could be obtained. We try again by ourselves.")
	case !proven:
		return step(StepCertificate, Waiting, "Waits until the name is proven.")
	}
	return step(StepCertificate, Waiting, "The certificate is being obtained.")
}

func because(d Domain) string {
	if d.SSLError == nil {
		return ""
	}
	return ": " + strings.TrimSuffix(*d.SSLError, ".")
}

func (s *Service) redirectStep(ctx context.Context, name string, addr netip.Addr) Step {
	answer, err := s.call(ctx, "http", name, addr, s.HTTPPort, "/")
	if err != nil {
		return step(StepRedirect, Bad, "Plain HTTP does not answer, so visitors who type the bare name get nowhere.")
	}
	_ = answer.Body.Close()
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || to.Scheme != "https" || to.Hostname() != name || answer.StatusCode < 300 || answer.StatusCode > 399 {
		return step(StepRedirect, Bad, "Plain HTTP does not lead to HTTPS.")
	}
	return step(StepRedirect, Good, "http:// leads to https://.")
}

func (s *Service) hstsStep(ctx context.Context, name string, addr netip.Addr) Step {
	answer, err := s.call(ctx, "https", name, addr, s.HTTPSPort, "/healthz")
	if err != nil {
		return step(StepHSTS, Bad, "HTTPS does not answer at "+net.JoinHostPort(addr.String(), strconv.Itoa(s.HTTPSPort))+".")
	}
	_ = answer.Body.Close()
	if err := answer.TLS.PeerCertificates[0].VerifyHostname(name); err != nil {
		return step(StepHSTS, Bad, "HTTPS answers with the certificate of another name.")
	}
	if answer.Header.Get("Strict-Transport-Security") == "" {
		return step(StepHSTS, Bad, "HTTPS answers without telling browsers to stay there.")
	}
	return step(StepHSTS, Good, "Browsers are told to use HTTPS only.")
}

// call asks one address for a page of a name, without following where it leads. Who
// signed the certificate is not this check's business: the authority may be one of
// our own.
func (s *Service) call(ctx context.Context, scheme, name string, addr netip.Addr, port int, path string) (*http.Response, error) {
	place := net.JoinHostPort(addr.String(), strconv.Itoa(port))
	client := http.Client{Timeout: probeWithin, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 32 << 10,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, place)
			},
			TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}}}
	host := name
	if port != map[string]int{"http": 80, "https": 443}[scheme] {
		host = net.JoinHostPort(name, strconv.Itoa(port))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, (&url.URL{Scheme: scheme, Host: host, Path: path}).String(), nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "domain check")
	return client.Do(r)
}
