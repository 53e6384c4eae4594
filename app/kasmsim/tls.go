package kasmsim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const certificateName = "tls.pem"

// Certificate gives a certificate that nobody has signed, as a true server shows it
// after its installation, for localhost and the loopback addresses. One that is kept
// in dir is taken up, so that clients can pin it; "" keeps none. now is real time.
func Certificate(dir string, now time.Time) (tls.Certificate, error) {
	path := filepath.Join(dir, certificateName)
	if dir != "" {
		raw, err := os.ReadFile(path)
		if err == nil {
			return tls.X509KeyPair(raw, raw)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return tls.Certificate{}, fmt.Errorf("kasmsim: read the certificate: %w", err)
		}
	}
	raw, err := selfSigned(now)
	if err == nil && dir != "" {
		if err = os.MkdirAll(dir, 0o700); err == nil {
			err = os.WriteFile(path, raw, 0o600)
		}
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("kasmsim: make the certificate: %w", err)
	}
	return tls.X509KeyPair(raw, raw)
}

// selfSigned makes a certificate and its key, both as PEM, good for ten years.
func selfSigned(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "kasm.simulator.test"}, BasicConstraintsValid: true, IsCA: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}
