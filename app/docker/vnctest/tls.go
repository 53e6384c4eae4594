package vnctest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Certificate makes a self-signed certificate, and its PEM text as KasmVNC keeps
// it: the key and the certificate in one file.
func Certificate() (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("draw a number: %w", err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "kasm"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("write a key: %w", err)
	}
	var file bytes.Buffer
	for _, block := range []*pem.Block{{Type: "PRIVATE KEY", Bytes: secret}, {Type: "CERTIFICATE", Bytes: der}} {
		if err := pem.Encode(&file, block); err != nil {
			return tls.Certificate{}, nil, fmt.Errorf("write a certificate: %w", err)
		}
	}
	pair, err := tls.X509KeyPair(file.Bytes(), file.Bytes())
	return pair, file.Bytes(), err
}

// Keep writes the certificate where KasmVNC keeps its own.
func Keep(home string, text []byte) error {
	dir := filepath.Join(home, ".vnc")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "self.pem"), text, 0o600)
}

// Serve answers over TLS until the listener is closed. Only HTTP/1.1 is spoken.
func (s *Server) Serve(l net.Listener, pair tls.Certificate) error {
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	return server.Serve(tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}))
}

// Started is a server that runs for a test.
type Started struct {
	URL         string   // https://127.0.0.1:port
	Certificate [32]byte // SHA-256 of the certificate (DER)
	PEM         []byte   // key and certificate, as in self.pem
}

// TB is what Start needs of a testing.TB.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start serves on loopback until the test ends.
func (s *Server) Start(t TB) Started {
	t.Helper()
	pair, text, err := Certificate()
	if err != nil {
		t.Fatalf("certificate: %v", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l, pair) // ends when the listener does
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return Started{URL: "https://" + l.Addr().String(), Certificate: sha256.Sum256(pair.Certificate[0]), PEM: text}
}
