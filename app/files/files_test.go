package files

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/fail"
)

func places(t *testing.T) map[string]*Store {
	t.Helper()
	stores := map[string]*Store{}
	for name, address := range map[string]string{"default": "", "folder": "file://" + t.TempDir(), "memory": "mem://"} {
		s, err := Open(t.Context(), address, t.TempDir())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[name] = s
	}
	return stores
}

func TestFilesBelongToTheirShop(t *testing.T) {
	t.Parallel()
	for place, s := range places(t) {
		a, b, ctx := uuid.New(), uuid.New(), t.Context()
		if err := s.Put(ctx, a, "brand/logo-1.png", "image/png", []byte("MARK-A")); err != nil {
			t.Fatalf("%s: %v", place, err)
		}
		if got, err := s.Get(ctx, a, "brand/logo-1.png"); err != nil || string(got) != "MARK-A" {
			t.Errorf("%s: got %q, %v", place, got, err)
		}
		if got, err := s.Get(ctx, b, "brand/logo-1.png"); !fail.Is(err, fail.NotFound) {
			t.Errorf("%s: another shop read %q, %v", place, got, err)
		}
		if err := s.Put(ctx, a, "x.png", "image/png", nil); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		if names, err := s.List(ctx, a); err != nil || !slices.Equal(names, []string{"brand/logo-1.png", "x.png"}) {
			t.Errorf("%s: got %q, %v", place, names, err)
		}
		if names, err := s.List(ctx, b); err != nil || len(names) != 0 {
			t.Errorf("%s: another shop lists %q, %v", place, names, err)
		}
		if err := s.Delete(ctx, a, "x.png"); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		if err := s.Delete(ctx, a, "x.png"); err != nil {
			t.Errorf("%s, again: %v", place, err)
		}
		if err := s.DeleteAll(ctx, a); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		if names, err := s.List(ctx, a); err != nil || len(names) != 0 {
			t.Errorf("%s: left over %q, %v", place, names, err)
		}
	}
}

func TestNoNameLeadsElsewhere(t *testing.T) {
	t.Parallel()
	for place, s := range places(t) {
		for _, name := range []string{"", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a\\b", "A", "a\x00", "%2e%2e/x", "a/", "..a", "a..b", "a/b/c/d/e"} {
			if err := s.Put(t.Context(), uuid.New(), name, "text/plain", []byte("x")); !fail.Is(err, fail.NotFound) {
				t.Errorf("%s: %q was kept: %v", place, name, err)
			}
			if _, err := s.Get(t.Context(), uuid.New(), name); !fail.Is(err, fail.NotFound) {
				t.Errorf("%s: %q was read: %v", place, name, err)
			}
		}
		if err := s.Put(t.Context(), uuid.Nil, "a", "text/plain", nil); !fail.Is(err, fail.NotFound) {
			t.Errorf("%s: nobody's file was kept: %v", place, err)
		}
	}
}

func TestAnAddressThatIsNoneIsNotRepeated(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), "ftp://user:secret@host", t.TempDir()); err == nil || err.Error() == "" || slices.Contains([]string{"ftp"}, err.Error()) {
		t.Errorf("got %v", err)
	}
}
