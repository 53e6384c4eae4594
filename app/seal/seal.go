// Package seal keeps secrets that the program must be able to read again (the
// passwords of desktops, payment keys, mail passwords) unreadable to whoever
// sees only the database. A sealed value says what it was sealed for, so that
// one shop's secret put into another shop's row does not open.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"
	"golang.org/x/crypto/chacha20poly1305"
)

// What a value may be sealed for. The word is part of the seal.
const (
	DesktopPassword = "desktop-password"
	KasmAPISecret   = "kasm-api-secret"
	StripeKey       = "stripe-key"
	SMTPPassword    = "smtp-password"
)

// What a text may be signed for.
const (
	DesktopTicket = "desktop-ticket"
	DesktopCookie = "desktop-cookie"
)

// Why a sealed value does not open.
var (
	ErrOtherKey = errors.New("sealed with another secret key: set EZSCALE_SECRET_KEY (or the key file in the data directory) to the one that this database was used with")
	ErrBroken   = errors.New("the sealed value was changed, or belongs to another shop or purpose")
)

// A sealed value is a version byte, the first bytes of the key's fingerprint
// (to tell a wrong key from a broken value), a random nonce, and the
// XChaCha20-Poly1305 text, whose 24-byte nonces may be random without limit.
const (
	version = 1
	idSize  = 4
	head    = 1 + idSize
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 32

// Key seals, opens and signs. It is safe for use by several goroutines and prints as dots.
type Key struct {
	aead cipher.AEAD
	id   [idSize]byte
	sign []byte // signs; neither this nor the sealing key tells the other
}

// New makes a key from a secret of at least MinSecret bytes: any text, such as
// the output of `openssl rand -base64 32`.
func New(secret string) (*Key, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("the secret key has %d characters and needs at least %d: make one with `openssl rand -base64 32`", len(secret), MinSecret)
	}
	raw, err := hkdf.Key(sha256.New, []byte(secret), nil, "ezscale seal v1", chacha20poly1305.KeySize+idSize)
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	aead, err := chacha20poly1305.NewX(raw[:chacha20poly1305.KeySize])
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	sign, err := hkdf.Key(sha256.New, []byte(secret), nil, "ezscale sign v1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the signing key: %w", err)
	}
	return &Key{aead: aead, id: [idSize]byte(raw[chacha20poly1305.KeySize:]), sign: sign}, nil
}

// Context names what a value is sealed for: one of the purposes above in one
// shop. Secrets of the provider itself take uuid.Nil.
func Context(tenant uuid.UUID, purpose string) []byte {
	return append(tenant[:], purpose...)
}

// Seal makes plain unreadable. The same context must be given to Open.
func (k *Key) Seal(plain, context []byte) []byte {
	out := make([]byte, head+chacha20poly1305.NonceSizeX, head+chacha20poly1305.NonceSizeX+len(plain)+chacha20poly1305.Overhead)
	out[0] = version
	copy(out[1:], k.id[:])
	nonce := out[head:]
	rand.Read(nonce) // never fails: the runtime ends the program first
	return k.aead.Seal(out, nonce, plain, bind(context))
}

// Open gives what was sealed. Errors: ErrOtherKey, ErrBroken.
func (k *Key) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < head+chacha20poly1305.NonceSizeX+chacha20poly1305.Overhead || sealed[0] != version {
		return nil, ErrBroken
	}
	if subtle.ConstantTimeCompare(sealed[1:head], k.id[:]) != 1 {
		return nil, ErrOtherKey
	}
	nonce, text := sealed[head:head+chacha20poly1305.NonceSizeX], sealed[head+chacha20poly1305.NonceSizeX:]
	plain, err := k.aead.Open(nil, nonce, text, bind(context))
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}

// String keeps the key out of prints and logs.
func (k *Key) String() string { return "••••" }

// GoString keeps the key out of %#v.
func (k *Key) GoString() string { return "seal.Key(••••)" }

// LogValue keeps the key out of structured logs.
func (k *Key) LogValue() slog.Value { return slog.StringValue("••••") }

func bind(context []byte) []byte { return append([]byte{version}, context...) }
