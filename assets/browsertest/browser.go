// Package browsertest puts a person with a real Chromium before the pages: what
// they press, type and see, and what the browser complains about meanwhile.
package browsertest

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// hangs is when a browser is given up. It guards against one that no longer
// answers and says nothing about speed: a small machine under load may take its
// time, and `go test` has a limit of its own.
const hangs = 18 * time.Minute

// Browser is one running Chromium.
type Browser struct{ ctx context.Context }

// Start starts a Chromium that ends with the test. It finds
// the domains, and all names below them, on this machine. Where there is no
// Chromium the test fails and says what to install.
func Start(t testing.TB, domains ...string) *Browser {
	t.Helper()
	return start(t, domains)
}

// Trusting is Start of a browser that also believes certificates of an authority
// which the machine does not know: the one of the given certificate.
func Trusting(t testing.TB, authority *x509.Certificate, domains ...string) *Browser {
	t.Helper()
	key := sha256.Sum256(authority.RawSubjectPublicKeyInfo)
	// Chromium hears of such keys only together with a profile of its own.
	return start(t, domains, chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(key[:])), chromedp.UserDataDir(t.TempDir()))
}

func start(t testing.TB, domains []string, more ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("no-first-run", true))
	options = append(options, more...)
	var rules []string
	for _, d := range domains {
		rules = append(rules, "MAP *."+d+" 127.0.0.1", "MAP "+d+" 127.0.0.1")
	}
	if len(rules) > 0 {
		options = append(options, chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")))
	}
	within, stop := context.WithTimeout(context.Background(), hangs)
	allocator, quit := chromedp.NewExecAllocator(within, options...)
	ctx, shut := chromedp.NewContext(allocator)
	t.Cleanup(func() { shut(); quit(); stop() })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("no Chromium answers; install chromium (apt-get install chromium) or put one into PATH: %v", err)
	}
	return &Browser{ctx: ctx}
}

// Tab is one tab and what its pages complained about.
type Tab struct {
	t    testing.TB
	ctx  context.Context
	mu   sync.Mutex
	said []string
}

// Tab opens a tab of somebody nobody knows: it shares no cookie with any other.
// When the test fails, a picture of the tab is left behind and named.
func (b *Browser) Tab(t testing.TB) *Tab {
	t.Helper()
	tab := open(t, b.ctx, chromedp.WithNewBrowserContext())
	tab.Size(1280, 844)
	tab.Scheme("light")
	return tab
}

func open(t testing.TB, parent context.Context, option chromedp.ContextOption) *Tab {
	t.Helper()
	tab := &Tab{t: t}
	var shut context.CancelFunc
	tab.ctx, shut = chromedp.NewContext(parent, option, chromedp.WithListener(tab.hear))
	if err := chromedp.Do(tab.ctx); err != nil {
		shut()
		t.Fatalf("open a tab: %v", err)
	}
	t.Cleanup(func() { tab.leavePicture(); shut() })
	return tab
}

// Opens gives the new tab that a press opens, in the same person's browser.
func (b *Tab) Opens(press func()) *Tab {
	b.t.Helper()
	opened := chromedp.WaitNewTarget(b.ctx, func(i *target.Info) bool { return i.Type == "page" })
	press()
	select {
	case id := <-opened:
		return open(b.t, b.ctx, chromedp.WithTargetID(id))
	case <-time.After(patience):
		b.t.Fatal("no new tab was opened")
		return nil
	}
}

func (b *Tab) hear(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		if ev.Entry.Level == log.EntryLevelVerbose || ev.Entry.Level == log.EntryLevelInfo { // advice, not a complaint
			return
		}
		b.said = append(b.said, ev.Entry.Text+" "+ev.Entry.URL)
	case *runtime.EventExceptionThrown:
		text := ev.ExceptionDetails.Text
		if ev.ExceptionDetails.Exception != nil {
			text += " " + ev.ExceptionDetails.Exception.Description
		}
		b.said = append(b.said, text)
	case *runtime.EventConsoleAPICalled:
		line := "console." + string(ev.Type)
		for _, a := range ev.Args {
			line += fmt.Sprintf(" %s%s", a.Value, a.Description)
		}
		b.said = append(b.said, line)
	}
}

// Complaints are what the browser complained about since the last call: errors
// of scripts, breaches of the policy, what could not be loaded.
func (b *Tab) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	said := b.said
	b.said = nil
	return said
}

// Clean fails the test when the browser complained, but for lines that hold one
// of the expected words.
func (b *Tab) Clean(expected ...string) {
	b.t.Helper()
next:
	for _, line := range b.Complaints() {
		for _, word := range expected {
			if strings.Contains(line, word) {
				continue next
			}
		}
		b.t.Errorf("the browser complained at %s: %s", b.Where(), line)
	}
}
