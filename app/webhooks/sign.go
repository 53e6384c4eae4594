package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/ezscale/ezscale/app/seal"
	"github.com/ezscale/ezscale/tenants"
)

// newSecret is what a receiver checks signatures with, as it is shown once.
func newSecret() string {
	raw := make([]byte, secretBytes)
	rand.Read(raw)
	return secretPrefix + base64.StdEncoding.EncodeToString(raw)
}

// Sign is one signature of the Standard Webhooks specification: "v1," and the HMAC-SHA256
// of id.timestamp.body under the secret's bytes, in base64.
func Sign(secret, id string, at time.Time, body string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix))
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// signatures are those of the secret and, for a day after a new one, of the one before.
func (s *Service) signatures(t tenants.Tenant, e sealed, now time.Time, id string, at time.Time, body string) (string, error) {
	secrets := [][]byte{e.Secret}
	if e.OldUntil != nil && e.OldUntil.After(now) && len(e.OldSecret) > 0 {
		secrets = append(secrets, e.OldSecret)
	}
	var all []string
	for _, hidden := range secrets {
		plain, err := s.Sealer.Open(hidden, seal.Context(t.ID, purpose))
		if err != nil {
			return "", err
		}
		one, err := Sign(string(plain), id, at, body)
		if err != nil {
			return "", err
		}
		all = append(all, one)
	}
	return strings.Join(all, " "), nil
}
