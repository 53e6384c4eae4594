package domains

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
)

// letsEncrypt is who signs where no other authority is set.
const letsEncrypt = "letsencrypt.org"

// Authority is whose certificates these are, as CAA records name it.
type Authority struct {
	directory string
	client    *http.Client
	now       func() time.Time // the machine's

	mu    sync.Mutex
	names []string
	until time.Time
}

// NewAuthority describes the authority with an ACME directory, which is Let's
// Encrypt when it is empty. rootFile holds the root that the directory's own server
// is trusted by; empty for the system's.
func NewAuthority(directory, rootFile string, now func() time.Time) (*Authority, error) {
	a := &Authority{directory: directory, now: now, client: &http.Client{Timeout: 5 * time.Second}}
	if directory == "" || rootFile == "" {
		return a, nil
	}
	pem, err := os.ReadFile(rootFile)
	if err != nil {
		return nil, fmt.Errorf("read the root of the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", rootFile)
	}
	a.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	return a, nil
}

// Names are those that the authority answers to in CAA records: what its directory
// says (RFC 8555, section 7.1.1, caaIdentities), or the name of its server.
func (a *Authority) Names(ctx context.Context) []string {
	if a == nil || a.directory == "" {
		return []string{letsEncrypt}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now().Before(a.until) {
		return a.names
	}
	named, err := a.ask(ctx)
	a.names, a.until = named, a.now().Add(time.Hour)
	if err != nil || len(named) == 0 {
		a.until = a.now().Add(time.Minute)
		if u, err := url.Parse(a.directory); err == nil {
			a.names = []string{strings.ToLower(u.Hostname())}
		}
	}
	return a.names
}

func (a *Authority) ask(ctx context.Context) ([]string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.directory, nil)
	if err != nil {
		return nil, err
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	var directory struct {
		Meta struct {
			CAA []string `json:"caaIdentities"`
		} `json:"meta"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&directory); err != nil {
		return nil, err
	}
	for i, name := range directory.Meta.CAA {
		directory.Meta.CAA[i] = strings.ToLower(name)
	}
	return directory.Meta.CAA, nil
}
