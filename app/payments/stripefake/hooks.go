package stripefake

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Event is an announcement, as it is sent.
type Event struct {
	ID, Type string
	Object   string // its id
	Body     []byte
	sent     bool
}

// hook is where an account's announcements go.
type hook struct {
	url, host, secret string
	wake              chan struct{}
}

// announce writes an event down. Who is sent it, and when, is another matter.
func (f *Fake) announce(a *account, kind string, object any) {
	raw, err := json.Marshal(object)
	if err != nil {
		return
	}
	var named struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &named)
	e := Event{ID: newID("evt"), Type: kind, Object: named.ID}
	e.Body, err = json.Marshal(map[string]any{"id": e.ID, "object": "event", "api_version": "2026-03-25.dahlia", "type": kind, "created": f.now().Unix(),
		"livemode": false, "data": map[string]any{"object": json.RawMessage(raw)}})
	if err != nil {
		return
	}
	a.events = append(a.events, e)
	if a.hook.wake != nil {
		select {
		case a.hook.wake <- struct{}{}:
		default:
		}
	}
}

// Events are an account's announcements that were not taken yet, the oldest first.
// Taking them says nothing about sending them: a test sends what it likes, in the
// order it likes, as often as it likes.
func (f *Fake) Events(secret string) (list []Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.of(secret)
	for i, e := range a.events {
		if !e.sent {
			a.events[i].sent = true
			list = append(list, e)
		}
	}
	return list
}

// Sign is the header that goes with an announcement, signed at a time.
func Sign(body []byte, secret string, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Announce sends an account's announcements to an address as they happen, until the
// context ends, each until it is taken. Host, when given, is the name it is asked
// under. It returns at once; wait with done.
func (f *Fake) Announce(ctx context.Context, secret, url, host, signing string) (done <-chan struct{}) {
	f.mu.Lock()
	a, wake := f.of(secret), make(chan struct{}, 1)
	a.hook = hook{url, host, signing, wake}
	f.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.deliver(ctx, a)
	}()
	return ended
}

const (
	retry   = 500 * time.Millisecond
	tooLong = 10 * time.Second
)

func (f *Fake) deliver(ctx context.Context, a *account) {
	client := &http.Client{Timeout: tooLong}
	for {
		f.mu.Lock()
		h := a.hook
		i := slices.IndexFunc(a.events, func(e Event) bool { return !e.sent })
		var next Event
		if i >= 0 {
			next = a.events[i]
		}
		f.mu.Unlock()
		switch {
		case i < 0:
			select {
			case <-ctx.Done():
				return
			case <-h.wake:
			}
		case f.Send(ctx, client, next, h.url, h.host, h.secret):
			f.set(func() { a.events[i].sent = true })
		default:
			again := time.NewTimer(retry)
			select {
			case <-ctx.Done():
				again.Stop()
				return
			case <-again.C:
			}
		}
	}
}

// Send delivers one announcement and says whether it was taken.
func (f *Fake) Send(ctx context.Context, client *http.Client, e Event, url, host, signing string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(e.Body))
	if err != nil {
		return false
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("Stripe-Signature", Sign(e.Body, signing, f.now()))
	got, err := client.Do(r)
	if err != nil {
		return false
	}
	_ = got.Body.Close()
	return got.StatusCode/100 == 2
}
