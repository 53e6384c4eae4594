package seal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func mustKey(t testing.TB, secret string) *Key {
	t.Helper()
	key, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatIsSealedOpens(t *testing.T) {
	t.Parallel()
	key := mustKey(t, strings.Repeat("k", 32))
	rapid.Check(t, func(r *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(r, "plain")
		context := rapid.SliceOf(rapid.Byte()).Draw(r, "context")
		sealed := key.Seal(plain, context)
		got, err := key.Open(sealed, context)
		if err != nil || !bytes.Equal(got, plain) {
			r.Fatalf("got %q, %v, want %q", got, err, plain)
		}
		sealed[rapid.IntRange(head, len(sealed)-1).Draw(r, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(r, "bit")
		if _, err := key.Open(sealed, context); !errors.Is(err, ErrBroken) {
			r.Fatalf("a changed bit gave %v, want ErrBroken", err)
		}
	})
}

func TestASealIsBoundToShopPurposeAndKey(t *testing.T) {
	t.Parallel()
	key, other := mustKey(t, strings.Repeat("k", 32)), mustKey(t, strings.Repeat("o", 32))
	a, b := uuid.New(), uuid.New()
	sealed := key.Seal([]byte("hunter2"), Context(a, DesktopPassword))
	if bytes.Equal(sealed, key.Seal([]byte("hunter2"), Context(a, DesktopPassword))) {
		t.Error("the same text sealed twice must not look the same")
	}
	for name, c := range map[string]struct {
		key     *Key
		sealed  []byte
		context []byte
		want    error
	}{
		"other shop":    {key, sealed, Context(b, DesktopPassword), ErrBroken},
		"other purpose": {key, sealed, Context(a, StripeKey), ErrBroken},
		"other key":     {other, sealed, Context(a, DesktopPassword), ErrOtherKey},
		"too short":     {key, sealed[:20], Context(a, DesktopPassword), ErrBroken},
		"empty":         {key, nil, Context(a, DesktopPassword), ErrBroken},
		"other version": {key, append([]byte{2}, sealed[1:]...), Context(a, DesktopPassword), ErrBroken},
	} {
		if _, err := c.key.Open(c.sealed, c.context); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestAKeyPrintsAsDots(t *testing.T) {
	t.Parallel()
	key := mustKey(t, strings.Repeat("k", 32))
	for _, got := range []string{fmt.Sprint(key), fmt.Sprintf("%v %+v %#v", key, key, key), key.LogValue().String()} {
		if !strings.Contains(got, "••••") || strings.Contains(got, "aead") {
			t.Errorf("got %q", got)
		}
	}
}

func TestLoadPrefersTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Load(dir, "too short"); err == nil || !strings.Contains(err.Error(), "EZSCALE_SECRET_KEY") {
		t.Errorf("got %v, want an error that names the variable", err)
	}
	if _, err := Load(dir, strings.Repeat("e", 40)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, FileName)); !os.IsNotExist(err) {
		t.Error("no file is needed when the key is given")
	}
}

func TestTheKeyFileIsMadeOnceAndKeptPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	keys := make([]*Key, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := Load(dir, "")
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	sealed := keys[0].Seal([]byte("x"), nil)
	for i, key := range keys {
		if _, err := key.Open(sealed, nil); err != nil {
			t.Errorf("key %d: %v, want the one key of all", i, err)
		}
	}
	entries, _ := os.ReadDir(dir)
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 || len(entries) != 1 {
		t.Errorf("got mode %v, %d files, %v; want 0600 and nothing beside it", info.Mode(), len(entries), err)
	}

	if err := os.Chmod(filepath.Join(dir, FileName), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, ""); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v, want a refusal of a file that others can read", err)
	}
}
