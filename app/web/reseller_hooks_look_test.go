package web

import (
	"fmt"
	"net/url"
	"testing"

	"github.com/ezscale/ezscale/app/accounts"
	"github.com/ezscale/ezscale/app/webhooks"
)

// The pages of a shop's own systems, on a phone and on a large screen, in both schemes.
func TestWebhooksAndKeysAreCleanInTheBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss := w.person(w.a, "boss@example.com", accounts.Owner)
	owner := w.at(w.a).signIn("/reseller", boss.Email)
	owner.post("/reseller/keys", url.Values{"name": {"A system with a name that goes on and on, as such names do"}, "scope": {"operate"}}).want(201)
	owner.post("/reseller/webhooks", url.Values{"url": {"https://a-very-long-name-of-a-system-of-somebody.hooks.example.com/" + fmt.Sprint(w.a.ID)}, "description": {"Accounting"}, "event.invoice.finalised": {"on"}}).want(201)
	var list []webhooks.Endpoint
	if err := w.deps.DB.Read(t.Context(), w.a, webhooks.EndpointsQ(&list)); err != nil {
		t.Fatal(err)
	}
	w.sent(list[0].ID, 30)
	at := "/reseller/webhooks/" + list[0].ID.String()
	owner.post(at+"/test", nil).want(303)

	s := newScreen(t, w)
	s.wear(owner)
	shop := w.host(w.a)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{390, 1280} {
			s.emulate(scheme, width)
			for _, p := range []struct{ name, path, submit string }{
				{"keys", "/reseller/keys", ""}, {"keys-wrong", "/reseller/keys", `form[action="/reseller/keys"]`}, {"webhooks", "/reseller/webhooks", ""},
				{"webhooks-wrong", "/reseller/webhooks", `form[action^="/reseller/webhooks"]:has([name=url])`}, {"webhook", at, ""},
			} {
				s.Go(s.address(shop, p.path))
				if p.submit != "" {
					s.submit(p.submit)
				}
				s.check(fmt.Sprintf("%s-%d-%s", p.name, width, scheme))
			}
		}
	}
}
