package branding

import (
	"context"
	"errors"
	"net/netip"
	"testing"
)

type zone struct {
	txt   map[string][]string
	addrs map[string][]string
	mx    map[string][]string
	err   error
}

func (z zone) TXT(_ context.Context, name string) ([]string, error) { return z.txt[name], z.err }
func (z zone) MX(_ context.Context, name string) ([]string, error)  { return z.mx[name], z.err }
func (z zone) Addrs(_ context.Context, name string) (out []netip.Addr, _ error) {
	for _, a := range z.addrs[name] {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, z.err
}

func TestSPFDecidesWhoSends(t *testing.T) {
	t.Parallel()
	us := Relay{Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.25")}, Name: "mail.host.test"}
	z := zone{addrs: map[string][]string{"mail.host.test": {"192.0.2.25"}, "near.test": {"192.0.2.77"}}, mx: map[string][]string{"shop.test": {"mail.host.test"}},
		txt: map[string][]string{"good.test": {"v=spf1 ip4:192.0.2.0/24 -all"}, "loop.test": {"v=spf1 include:loop.test -all"}, "bad.test": {"v=spf1 -all"}}}
	for spf, want := range map[string]bool{
		"": false, "v=spf1 -all": false, "v=spf1 +all": true, "v=spf1 ip4:192.0.2.25 -all": true, "v=spf1 ip4:192.0.2.0/24 ~all": true, "v=spf1 ip4:198.51.100.0/24 -all": false,
		"v=spf1 a:mail.host.test -all": true, "v=spf1 a:near.test/24 -all": true, "v=spf1 a:near.test -all": false, "v=spf1 mx -all": true, "v=spf1 include:good.test -all": true, "v=spf1 include:bad.test -all": false,
		"v=spf1 redirect=good.test": true, "v=spf1 include:loop.test -all": false, "v=spf1 include:none.test -all": false, "v=spf1 ip4:nonsense -all": false, "v=spf1 what:x": false,
		"v=spf1 -ip4:192.0.2.25 +all": false, "v=spf1 ?all": false, "v=spf1": false, "v=spf10 +all": false, "V=SPF1 IP4:192.0.2.25": true, "v=spf1 exists:%{i}.x.test a:mail.host.test": true,
	} {
		z.txt["shop.test"] = []string{"other text", spf}
		got, err := CheckSender(t.Context(), z, us, "hello@Shop.test", "")
		if err != nil || got.Ready != want || got.Domain != "shop.test" {
			t.Errorf("%q: ready %v, %v, want %v", spf, got.Ready, err, want)
		}
	}
	z.txt["shop.test"] = []string{"v=spf1 +all", "v=spf1 +all"}
	if got, err := CheckSender(t.Context(), z, us, "hello@shop.test", ""); err != nil || got.Ready {
		t.Errorf("two records: %+v, %v", got, err)
	}
	z.txt = map[string][]string{"shop.test": {"v=spf1 include:x.test -all"}, "s1._domainkey.shop.test": {"v=DKIM1; k=rsa; p=MIGf"}, "_dmarc.shop.test": {"v=DMARC1; p=reject"}}
	got, err := CheckSender(t.Context(), z, Relay{Name: "edge.test"}, "hello@shop.test", "s1")
	if err != nil || !got.Ready || len(got.Records) != 3 || !got.Records[1].Good || !got.Records[2].Good {
		t.Errorf("all three set up: %+v, %v", got, err)
	}
	z.err = errors.New("no answer")
	if _, err := CheckSender(t.Context(), z, us, "hello@shop.test", ""); err == nil {
		t.Error("name servers that do not answer are no verdict")
	}
}
