package certificates

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

// stocked is an authority with so many certificates in its storage, all of one shop
// and signed by a root of the benchmark's own, and a listener that serves them.
func stocked(b *testing.B, count int) (a *Authority, names []string, roots *x509.CertPool, address string) {
	b.Helper()
	ctx := context.Background()
	db, err := tenants.Open(ctx, tenanttest.Fresh(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	if _, err := db.Migrate(ctx, tenants.MigrateOptions{}); err != nil {
		b.Fatal(err)
	}
	shop, _, err := db.Create(ctx, tenants.NewTenant{Name: "Bench", Slug: "bench", Email: "owner@bench.test"}, nil)
	if err != nil {
		b.Fatal(err)
	}
	if a, err = New(Config{DB: db, Key: testKey(b), Log: slog.New(slog.DiscardHandler), Domain: tenanttest.Domain}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(a.Close)
	signer, roots := newSigner(b)
	for i := range count {
		names = append(names, fmt.Sprintf("shop.n%d.test", i))
		signer.stock(b, a, names[i])
	}
	err = db.Central(ctx, func(tx tenants.CentralTx) error {
		_, err := tx.Exec(ctx, `-- names of the benchmark
			insert into central.tenant_domains (tenant_id, domain, type, verified_at)
			select $1, name, 'alias', clock_timestamp() from unnest($2::text[]) name`, shop.ID, names)
		return err
	})
	if err == nil {
		err = db.Registry().Refresh(ctx)
	}
	if err != nil {
		b.Fatal(err)
	}
	return a, names, roots, serveTLS(b, a)
}

type signer struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newSigner(b *testing.B) (*signer, *x509.CertPool) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour * 1000),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		b.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &signer{key, cert}, roots
}

// stock stores a certificate the way an order does.
func (s *signer) stock(b *testing.B, a *Authority, name string) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour * 900),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, s.cert, &key.PublicKey, s.key)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		b.Fatal(err)
	}
	meta, err := json.Marshal(certmagic.CertificateResource{SANs: []string{name}})
	if err != nil {
		b.Fatal(err)
	}
	issuer := a.issuer.IssuerKey()
	for path, value := range map[string][]byte{
		certmagic.StorageKeys.SitePrivateKey(issuer, name): pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}),
		certmagic.StorageKeys.SiteCert(issuer, name):       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		certmagic.StorageKeys.SiteMeta(issuer, name):       meta,
	} {
		if err := a.storage.Store(context.Background(), path, value); err != nil {
			b.Fatal(err)
		}
	}
}

// serveTLS shakes hands, says a byte and hangs up.
func serveTLS(b *testing.B, a *Authority) string {
	b.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", a.TLSConfig())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); _, _ = conn.Write([]byte("!")) }()
		}
	}()
	return l.Addr().String()
}

func shake(address, name string, roots *x509.CertPool) error {
	conn, err := tls.Dial("tcp", address, &tls.Config{ServerName: name, RootCAs: roots})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = io.ReadFull(conn, make([]byte, 1))
	return err
}

// BenchmarkHandshakes shakes hands in full, client and server on this machine, over
// a thousand names whose certificates are in memory.
func BenchmarkHandshakes(b *testing.B) {
	a, names, roots, address := stocked(b, 1000)
	began := time.Now()
	a.loadAll(context.Background())
	loading := time.Since(began)
	var next atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := shake(address, names[next.Add(1)%1000], roots); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "handshakes/s")
	b.ReportMetric(float64(loading.Milliseconds()), "ms/load-1000")
}

// BenchmarkFirstVisit is the first handshake of a name whose certificate was obtained
// when it was verified: in memory on this node, or only in the database.
func BenchmarkFirstVisit(b *testing.B) {
	for _, stored := range []bool{false, true} {
		b.Run(map[bool]string{false: "memory", true: "database"}[stored], func(b *testing.B) {
			a, names, roots, address := stocked(b, 200)
			if !stored {
				a.loadAll(context.Background())
			}
			b.ResetTimer()
			for i := range b.N {
				name := names[i%len(names)]
				if stored {
					b.StopTimer()
					a.drop(name)
					b.StartTimer()
				}
				if err := shake(address, name, roots); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecision is what a handshake asks before anything else.
func BenchmarkDecision(b *testing.B) {
	a, names, _, _ := stocked(b, 1000)
	a.loadAll(context.Background())
	conn, other := net.Pipe()
	defer conn.Close()
	defer other.Close()
	for what, name := range map[string]string{"known": names[500], "unknown": "nobody.test"} {
		b.Run(what, func(b *testing.B) {
			hello := &tls.ClientHelloInfo{ServerName: name, SupportedProtos: []string{"h2"}, Conn: conn}
			for b.Loop() {
				_, _ = a.certificate(hello)
			}
		})
	}
}
