package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ezscale/ezscale/app/bus"
)

// alert is news for the provider.
type alert struct {
	Title  string
	Text   string
	Fields []field
	At     time.Time
}

// field is one labelled value of an alert.
type field struct{ Name, Value string }

// discord posts alerts to a webhook. The webhook's address is a secret: no
// error repeats it.
type discord struct {
	url    string
	client *http.Client
}

const discordTimeout = 10 * time.Second

// newDiscord is nil, which alerts nobody, when the address is empty.
func newDiscord(address string) (*discord, error) {
	if address == "" {
		return nil, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errors.New("EZSCALE_DISCORD_WEBHOOK_URL is not a web address: copy it from the channel's settings in Discord")
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &discord{address, &http.Client{Timeout: discordTimeout, CheckRedirect: stay}}, nil
}

// busyError asks for another try after a while.
type busyError struct{ after time.Duration }

func (e *busyError) Error() string { return fmt.Sprintf("Discord takes no more for %v", e.after) }

// send posts one alert. Errors: bus.Later when Discord asks to wait,
// bus.Permanent when it refuses the webhook or the alert.
func (d *discord) send(ctx context.Context, a alert) error {
	err := d.post(ctx, a)
	var busy *busyError
	if errors.As(err, &busy) {
		return bus.Later(busy.after, err.Error())
	}
	return err
}

func (d *discord) post(ctx context.Context, a alert) error {
	body, err := json.Marshal(payload(a))
	if err != nil {
		return fmt.Errorf("write the alert: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the Discord webhook's address is not usable")
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := d.client.Do(req)
	if err != nil {
		var inner *url.Error // its text holds the address
		if errors.As(err, &inner) {
			err = inner.Err
		}
		return fmt.Errorf("Discord does not answer: %w", err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	switch code := resp.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusTooManyRequests:
		return &busyError{retryAfter(resp.Header, answer)}
	case code/100 == 5 || code == http.StatusRequestTimeout:
		return fmt.Errorf("Discord answered %d", code)
	default:
		return bus.Permanent(fmt.Errorf("Discord refused the alert with %d: check EZSCALE_DISCORD_WEBHOOK_URL", code))
	}
}

// retryAfter reads the wait in seconds from the header, else from the body,
// which may have decimals; it is kept between a second and an hour.
func retryAfter(h http.Header, body []byte) time.Duration {
	seconds, err := strconv.ParseFloat(h.Get("Retry-After"), 64)
	if err != nil {
		var answer struct {
			RetryAfter float64 `json:"retry_after"`
		}
		if json.Unmarshal(body, &answer) != nil || answer.RetryAfter == 0 {
			answer.RetryAfter = 5
		}
		seconds = answer.RetryAfter
	}
	return time.Duration(min(max(seconds, 1), 3600) * float64(time.Second))
}

type hook struct {
	Username string   `json:"username"`
	Content  string   `json:"content"`
	Embeds   []embed  `json:"embeds"`
	Mentions mentions `json:"allowed_mentions"`
}

type embed struct {
	Title       string       `json:"title"`
	Description string       `json:"description,omitempty"`
	Colour      int          `json:"color"`
	Fields      []embedField `json:"fields"`
	Timestamp   string       `json:"timestamp"`
}

type embedField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// mentions keeps texts from outside from calling anybody.
type mentions struct {
	Parse []string `json:"parse"`
}

// payload keeps within Discord's limits, counted in characters.
func payload(a alert) hook {
	e := embed{Title: short(a.Title, 256), Description: short(a.Text, 2000), Colour: 0xd92d20, Fields: []embedField{}, Timestamp: a.At.UTC().Format(time.RFC3339)}
	for _, f := range a.Fields[:min(len(a.Fields), 10)] {
		if f.Value != "" {
			e.Fields = append(e.Fields, embedField{short(f.Name, 256), short(f.Value, 300)})
		}
	}
	return hook{Username: "EZSCALE", Content: short(a.Title, 256), Embeds: []embed{e}, Mentions: mentions{Parse: []string{}}}
}

func short(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}
