package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/ezscale/ezscale/app/bus"
)

var _ Bus = (*bus.Bus)(nil)

func payload(t *testing.T, fields map[string]any) json.RawMessage {
	t.Helper()
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// read takes what is said until everything in the bubble waits.
func read(names <-chan string) (got []string) {
	synctest.Wait()
	for {
		select {
		case name, open := <-names:
			if !open {
				return append(got, "(closed)")
			}
			got = append(got, name)
			synctest.Wait()
		default:
			return got
		}
	}
}

func TestNamesOf(t *testing.T) {
	t.Parallel()
	w := uuid.New()
	card := "workspace-" + w.String()
	for _, tc := range []struct {
		event     string
		workspace uuid.UUID
		want      []string
	}{
		{"workspace.running", w, []string{card}},
		{"session.opened", w, []string{card, "cost"}},
		{"block.charged", uuid.Nil, []string{"cost"}},
		{"invoice.finalised", uuid.Nil, []string{"invoices", "balance"}},
		{"balance.low", w, []string{card, "balance"}},
		{"credit.added", uuid.Nil, []string{"balance"}},
		{"limits.changed", uuid.Nil, []string{"balance"}},
		{"bonus.due", uuid.Nil, nil},
		{"user.registered", uuid.Nil, nil},
		{"block.due", w, nil},
		{"invoice.retry.due", uuid.Nil, nil},
		{"workspace.overdue", w, []string{card}},
	} {
		if got := namesOf(tc.event, tc.workspace); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.event, got, tc.want)
		}
	}
}

func TestEventReachesOnlyWhomItConcerns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, shop, other := NewHub(), uuid.New(), uuid.New()
		ann, bob := uuid.New(), uuid.New()
		var pages [4]<-chan string
		for i, v := range []viewer{{shop, ann}, {shop, bob}, {shop, uuid.Nil}, {other, ann}} {
			names, cancel := h.Subscribe(v.tenant, v.user)
			defer cancel()
			pages[i] = names
		}
		h.Event(shop, "block.charged", payload(t, map[string]any{"user_id": ann}))
		for i, want := range []int{1, 0, 1, 0} {
			if got := read(pages[i]); len(got) != want {
				t.Errorf("page %d was told %v, want %d names", i, got, want)
			}
		}
		h.Event(shop, "invoice.finalised", json.RawMessage(`not json`))
		if got := read(pages[0]); len(got) != 0 {
			t.Errorf("an unreadable event told %v", got)
		}
	})
}

func TestBurstsAreSaidOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, shop, ann := NewHub(), uuid.New(), uuid.New()
		names, cancel := h.Subscribe(shop, ann)
		for range 1000 {
			h.Event(shop, "block.charged", payload(t, map[string]any{"user_id": ann}))
		}
		if got := read(names); len(got) < 1 || len(got) > 2 {
			t.Errorf("a burst was said %d times", len(got))
		}
		cancel()
		cancel()
		if got := read(names); !slices.Equal(got[len(got)-1:], []string{"(closed)"}) {
			t.Errorf("after cancel: %v", got)
		}
		if h.Open() != 0 {
			t.Errorf("%d pages are still open", h.Open())
		}
	})
}

func TestPageThatDoesNotReadNeverBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, shop, ann := NewHub(), uuid.New(), uuid.New()
		names, cancel := h.Subscribe(shop, ann)
		for range 5000 {
			h.Event(shop, "workspace.running", payload(t, map[string]any{"user_id": ann, "workspace_id": uuid.New()}))
		}
		synctest.Wait()
		if len(names) != cap(names) {
			t.Errorf("%d names wait, want a full channel", len(names))
		}
		cancel()
		synctest.Wait()
	})
}

func TestOldestPageMakesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, shop, ann := NewHub(), uuid.New(), uuid.New()
		var pages []<-chan string
		for i := range perUser + 1 {
			names, cancel := h.Subscribe(shop, ann)
			defer cancel()
			pages = append(pages, names)
			if want := min(i+1, perUser); h.Open() != want {
				t.Fatalf("%d pages are open, want %d", h.Open(), want)
			}
		}
		if got := fmt.Sprint(read(pages[0])); got != "[(closed)]" {
			t.Errorf("the oldest page: %s", got)
		}
		h.Event(shop, "block.charged", payload(t, map[string]any{"user_id": ann}))
		if got := fmt.Sprint(read(pages[perUser])); got != "[cost]" {
			t.Errorf("the newest page: %s", got)
		}
	})
}

// watched is a bus on which nothing happens until the context ends.
type watched struct{}

func (watched) Watch(ctx context.Context, _ func(uuid.UUID, string, json.RawMessage)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestPagesAreLetGoAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := NewHub()
		ctx, end := context.WithCancel(t.Context())
		go func() { _ = h.Run(ctx, watched{}) }()
		before, leave := h.Subscribe(uuid.New(), uuid.New())
		defer leave()
		if got := read(before); len(got) != 0 {
			t.Errorf("before the end: %v", got)
		}
		end()
		after, leave := h.Subscribe(uuid.New(), uuid.New())
		defer leave()
		for _, names := range []<-chan string{before, after} {
			if got := read(names); !slices.Equal(got, []string{"(closed)"}) {
				t.Errorf("at the end: %v", got)
			}
		}
	})
}
