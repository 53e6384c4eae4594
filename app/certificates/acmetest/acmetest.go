// Package acmetest is a certificate authority and the DNS that it believes, both
// inside the test's process and on loopback addresses only.
package acmetest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
)

// Options are what a test may want otherwise.
type Options struct {
	HTTPPort, TLSPort int    // where the authority looks at names; 0: a free port that nobody listens on
	Seconds           uint64 // how long certificates are valid; 0: five years
	Resolver          string // the DNS that the authority asks; empty: its own
}

// Authority is a running one.
type Authority struct {
	Directory string // address of its directory
	RootFile  string // what its own server is trusted by, in PEM
	Resolver  string // address of the DNS
	DNS       *DNS
	Roots     *x509.CertPool // what the certificates it signs are trusted by

	orders   atomic.Int64
	replaced atomic.Int64
	block    atomic.Pointer[chan struct{}]
}

// quiet keeps the authority from sleeping around validations and from refusing good
// nonces; it reads the environment when it starts.
var quiet sync.Once

// Start starts both; they end with the test.
func Start(t testing.TB, o Options) *Authority {
	t.Helper()
	quiet.Do(func() {
		os.Setenv("PEBBLE_VA_NOSLEEP", "1")
		os.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	})
	logger := log.New(io.Discard, "", 0)
	a := &Authority{}
	a.DNS, a.Resolver = startDNS(t)
	resolver := o.Resolver
	if resolver == "" {
		resolver = a.Resolver
	}
	if o.HTTPPort == 0 {
		o.HTTPPort = port(t, FreeAddress(t))
	}
	if o.TLSPort == 0 {
		o.TLSPort = port(t, FreeAddress(t))
	}
	store := db.NewMemoryStore()
	signer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "for tests", ValidityPeriod: o.Seconds}})
	front := wfe.New(logger, store, va.New(logger, o.HTTPPort, o.TLSPort, false, resolver, store), signer, []string{"pebble.test"}, false, false, 0, 0)
	a.serve(t, front.Handler())
	a.Roots = x509.NewCertPool()
	a.Roots.AddCert(signer.GetRootCert(0).Cert)
	return a
}

// Orders is how many orders were made.
func (a *Authority) Orders() int64 { return a.orders.Load() }

// Replacing is how many orders named the certificate that they replace (RFC 9773).
func (a *Authority) Replacing() int64 { return a.replaced.Load() }

// replaces looks into an order and leaves it as it was.
func replaces(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var signed struct{ Payload string }
	if err != nil || json.Unmarshal(body, &signed) != nil {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	return err == nil && bytes.Contains(payload, []byte(`"replaces"`))
}

// Hang holds every order back until the returned function is called.
func (a *Authority) Hang() (release func()) {
	held := make(chan struct{})
	a.block.Store(&held)
	return sync.OnceFunc(func() { a.block.Store(nil); close(held) })
}

func (a *Authority) serve(t testing.TB, handler http.Handler) {
	t.Helper()
	cert, pemFile := loopbackCertificate(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/order-plz") {
			a.orders.Add(1)
			if replaces(r) {
				a.replaced.Add(1)
			}
			if held := a.block.Load(); held != nil {
				select {
				case <-*held:
				case <-r.Context().Done():
					return
				}
			}
		}
		handler.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.StartTLS()
	t.Cleanup(server.Close)
	a.Directory, a.RootFile = server.URL+wfe.DirectoryPath, pemFile
}

func loopbackCertificate(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "authority for tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// FreeAddress is a loopback address on which nothing listens.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func port(t testing.TB, address string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
