package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The policy of the pages allows nothing inline, and every element that talks
// to the server says itself where the answer goes.
func TestTemplatesKeepTheDialect(t *testing.T) {
	t.Parallel()
	banned := map[string]*regexp.Regexp{
		"a style attribute":    regexp.MustCompile(`\sstyle\s*=`),
		"a css or script part": regexp.MustCompile(`(?m)^(css|script)\s+\w+\(`),
		"a style element":      regexp.MustCompile(`<style`),
		"an inline script":     regexp.MustCompile(`<script[^>]*>[^<]`),
		"an event attribute":   regexp.MustCompile(`\son[a-z]+\s*=`),
		"hx-on":                regexp.MustCompile(`hx-on`),
		"hx-vars":              regexp.MustCompile(`hx-vars`),
		"hx-boost":             regexp.MustCompile(`hx-boost`),
		"hx-push-url":          regexp.MustCompile(`hx-push-url|hx-replace-url`),
		"inheritance":          regexp.MustCompile(`:inherited`),
		"js: values":           regexp.MustCompile(`["'{]js:|javascript:`),
		"a trigger filter":     regexp.MustCompile(`hx-trigger\s*=\s*["{][^"}]*\[`),
		"raw HTML":             regexp.MustCompile(`templ\.Raw`),
		"an unchecked address": regexp.MustCompile(`templ\.SafeURL\(`),
		"disabling":            regexp.MustCompile(`hx-disable`),
		"absolute htmx URL":    regexp.MustCompile(`hx-(get|post|put|patch|delete)\s*=\s*["{]\s*"?https?:`),
	}
	live := regexp.MustCompile(`hx-ext|hx-sse:|sse-connect|sse-swap|sse:`)
	asks := regexp.MustCompile(`<[a-z][^<>]*\shx-(?:get|post|put|patch|delete)=[^<>]*>`)
	paths, err := filepath.Glob("*.templ")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no templates found: %v", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, re := range banned {
			if path == "mail.templ" && strings.Contains(what, "style") {
				continue // mail readers know no style sheets
			}
			if hit := re.FindString(string(raw)); hit != "" {
				t.Errorf("%s uses %s: %q", path, what, hit)
			}
		}
		if hit := live.FindString(string(raw)); hit != "" && path != "live.templ" {
			t.Errorf("%s knows the stream's attributes: %q", path, hit)
		}
		for _, tag := range asks.FindAllString(string(raw), -1) {
			if !strings.Contains(tag, "hx-target=") || !strings.Contains(tag, "hx-swap=") {
				t.Errorf("%s: this asks the server without its own target and swap: %s", path, tag)
			}
		}
	}
}

func TestGeneratedCodeIsCommittedForEveryTemplate(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*.templ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if _, err := os.Stat(strings.TrimSuffix(path, ".templ") + "_templ.go"); err != nil {
			t.Errorf("%s has no generated code: %v", path, err)
		}
	}
}
