package certificates

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// cloudflare writes records through Cloudflare's API: cloudflare://TOKEN@ZONEID, the
// token with the right to edit the zone's DNS. ?api= names another address of the API.
type cloudflare struct {
	token, zone, api string
	client           *http.Client
}

func newCloudflare(u *url.URL) (*cloudflare, error) {
	p := &cloudflare{token: u.User.Username(), zone: u.Hostname(), client: &http.Client{Timeout: 15 * time.Second},
		api: strings.TrimRight(cmp.Or(u.Query().Get("api"), "https://api.cloudflare.com/client/v4"), "/")}
	if p.token == "" || p.zone == "" {
		return nil, errors.New("EZSCALE_DNS01 must be cloudflare://TOKEN@ZONEID")
	}
	return p, nil
}

type cloudflareRecord struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Content string `json:"content"`
	TTL     int    `json:"ttl"`
}

func (p *cloudflare) add(ctx context.Context, name, text string) error {
	return p.call(ctx, http.MethodPost, "", cloudflareRecord{Type: "TXT", Name: name, Content: quoted(text), TTL: recordTTL}, nil)
}

func (p *cloudflare) remove(ctx context.Context, name, text string) error {
	var found []cloudflareRecord
	if err := p.call(ctx, http.MethodGet, "?"+url.Values{"type": {"TXT"}, "name": {name}}.Encode(), nil, &found); err != nil {
		return err
	}
	var errs []error
	for _, r := range found {
		if strings.Trim(r.Content, `"`) == text {
			errs = append(errs, p.call(ctx, http.MethodDelete, "/"+url.PathEscape(r.ID), nil, nil))
		}
	}
	return errors.Join(errs...)
}

func quoted(text string) string { return `"` + text + `"` }

func (p *cloudflare) call(ctx context.Context, method, path string, body, result any) error {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.api+"/zones/"+url.PathEscape(p.zone)+"/dns_records"+path, &content)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask Cloudflare: %w", err)
	}
	defer resp.Body.Close()
	var answer struct {
		Success bool `json:"success"`
		Errors  []struct {
			Message string `json:"message"`
		} `json:"errors"`
		Result json.RawMessage `json:"result"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, resp.Body, 1<<20)).Decode(&answer); err != nil {
		return fmt.Errorf("Cloudflare answered %s, which is no JSON: %w", resp.Status, err)
	}
	if !answer.Success {
		if len(answer.Errors) > 0 {
			return fmt.Errorf("Cloudflare refused the record (%s): %s", resp.Status, answer.Errors[0].Message)
		}
		return fmt.Errorf("Cloudflare refused the record: %s", resp.Status)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}
