package bus

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ezscale/ezscale/tenants"
)

// maxPayload keeps an event well below what the stream takes in one message.
const maxPayload = 256 << 10

const dueSuffix = ".due"

// legalName is true for two or more words of lower case with dots between them,
// none of which can be mistaken for a part of a subject's pattern.
func legalName(name string) bool {
	words := strings.Split(name, ".")
	for _, word := range words {
		if word == "" || word[0] < 'a' || word[0] > 'z' || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return false
		}
	}
	return len(words) > 1 && len(name) <= 100
}

func legalKind(kind string) bool { return legalName(kind + dueSuffix) }

// Append announces that something happened, in the transaction in which it
// happens: both are kept or neither. payload becomes a JSON object.
func Append(ctx context.Context, tx tenants.Tx, name string, payload any) error {
	body, err := encode(name, payload)
	if err != nil {
		return err
	}
	return insertOutbox(ctx, tx, tx.Tenant(), name, []string{body})
}

// AppendAll is Append for many payloads of one name in one statement. None is
// not an error.
func AppendAll[T any](ctx context.Context, tx tenants.Tx, name string, payloads []T) error {
	if len(payloads) == 0 {
		return nil
	}
	bodies := make([]string, len(payloads))
	for i, p := range payloads {
		body, err := encode(name, p)
		if err != nil {
			return err
		}
		bodies[i] = body
	}
	return insertOutbox(ctx, tx, tx.Tenant(), name, bodies)
}

func encode(name string, payload any) (string, error) {
	if !legalName(name) {
		return "", fmt.Errorf("%q is no event name: use noun.verb in lower case", name)
	}
	if strings.HasSuffix(name, dueSuffix) {
		return "", fmt.Errorf("%q is the name of a due time: use Due", name)
	}
	return encodePayload(name, payload)
}

func encodePayload(name string, payload any) (string, error) {
	if payload == nil {
		return "{}", nil
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return "", fmt.Errorf("the payload of %s cannot be written: %w", name, err)
	}
	if len(body) > maxPayload {
		return "", fmt.Errorf("the payload of %s has %d bytes, more than %d", name, len(body), maxPayload)
	}
	return string(body), nil
}

// Due asks for "<kind>.due" at a business time. A tenant has one due time for a
// kind and key: setting it again moves it, and takes back what was sent about
// the earlier one.
func Due(ctx context.Context, tx tenants.Tx, kind, key string, at time.Time, payload any) error {
	return DueAll(ctx, tx, kind, []DueTime{{Key: key, At: at, Payload: payload}})
}

// DueTime is one row for DueAll.
type DueTime struct {
	Key     string
	At      time.Time // business time
	Payload any
}

// DueAll is Due for many keys of one kind in one statement. No key may come
// twice; none at all is not an error.
func DueAll(ctx context.Context, tx tenants.Tx, kind string, times []DueTime) error {
	if !legalKind(kind) {
		return fmt.Errorf("%q is no kind of due time: use a word in lower case", kind)
	}
	if len(times) == 0 {
		return nil
	}
	keys, ats, bodies := make([]string, len(times)), make([]time.Time, len(times)), make([]string, len(times))
	for i, d := range times {
		body, err := encodePayload(kind+dueSuffix, d.Payload)
		if err != nil {
			return err
		}
		keys[i], ats[i], bodies[i] = d.Key, d.At, body
	}
	return upsertDue(ctx, tx, tx.Tenant(), kind, keys, ats, bodies)
}

// Undue calls a due time off; one that does not exist is called off already.
func Undue(ctx context.Context, tx tenants.Tx, kind, key string) error {
	return deleteDue(ctx, tx, tx.Tenant(), kind, key)
}

// AppendFor is Append in a transaction of the provider's, about a shop: what the
// provider decides and what is announced about it are kept together.
func AppendFor(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, name string, payload any) error {
	body, err := encode(name, payload)
	if err != nil {
		return err
	}
	return insertOutbox(ctx, tx, t, name, []string{body})
}

// DueFor is Due in a transaction of the provider's.
func DueFor(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, kind, key string, at time.Time) error {
	if !legalKind(kind) {
		return fmt.Errorf("%q is no kind of due time: use a word in lower case", kind)
	}
	return upsertDue(ctx, tx, t, kind, []string{key}, []time.Time{at}, []string{"{}"})
}

// UndueFor is Undue in a transaction of the provider's.
func UndueFor(ctx context.Context, tx tenants.CentralTx, t tenants.Tenant, kind, key string) error {
	return deleteDue(ctx, tx, t, kind, key)
}
