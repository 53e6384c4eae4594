package tenants_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ezscale/ezscale/tenants"
	"github.com/ezscale/ezscale/tenants/tenanttest"
)

func TestNormalHost(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		"a.test": "a.test", "A.Test": "a.test", "a.test.": "a.test", "a.test:443": "a.test", "a.test.:8443": "a.test",
		"xn--bcher-kva.example": "xn--bcher-kva.example", "localhost:8080": "localhost", "127.0.0.1:80": "127.0.0.1",
		strings.Repeat("a.", 126) + "a": strings.Repeat("a.", 126) + "a",
	}
	for host, want := range good {
		if got, err := tenants.NormalHost(host); err != nil || got != want {
			t.Errorf("%q: got %q, %v", host, got, err)
		}
	}
	bad := []string{
		"", ".", "a..test", ".a.test", "a.test..", "a.test:", "a.test:evil", "a.test:0", "a.test:+80", "a.test:99999", "a.test:80:80", "a.test@b.test", "user@a.test",
		"a.test, b.test", "a.test b.test", " a.test", "a.test\r\n", "a%2etest", "a.test%00", "a.test\x00", "[::1]", "[::1]:80", "::1", "a/b", "a_b.test", "-a.test", "a-.test",
		"bücher.example", "\u212a.test", strings.Repeat("a", 64) + ".test", strings.Repeat("a.", 127) + "ab", "http://a.test",
	}
	for _, host := range bad {
		if got, err := tenants.NormalHost(host); err == nil {
			t.Errorf("%q became %q", host, got)
		}
	}
}

func FuzzNormalHost(f *testing.F) {
	for _, host := range []string{"a.test", "A.TEST.:80", "[::1]", "a@b", "a,b", "xn--a", "a.test:080"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		name, err := tenants.NormalHost(host)
		if err != nil {
			return
		}
		again, err := tenants.NormalHost(name)
		if err != nil || again != name {
			t.Errorf("%q became %q, which becomes %q, %v", host, name, again, err)
		}
		if len(name) == 0 || len(name) > 253 || strings.ContainsAny(name, " ,@:%/[]\\\x00_") || name != strings.ToLower(name) || strings.HasSuffix(name, ".") {
			t.Errorf("%q became %q", host, name)
		}
	})
}

func TestSlugs(t *testing.T) {
	t.Parallel()
	for _, slug := range []string{
		"", "a", "ab", "public", "central", "www", "admin", "pg_x", `a"b`, "a;b", "a--b", "-ab", "ab-", "1ab", "Abc", "bücher", "a b", "a.b", "a_b",
		strings.Repeat("a", 41), strings.Repeat("a", 64), "abc\n",
	} {
		if tenants.SlugProblem(slug) == "" {
			t.Errorf("%q was allowed", slug)
		}
	}
	for _, slug := range []string{"abc", "acme", "acme-2", "a-b-c", strings.Repeat("a", 40)} {
		if problem := tenants.SlugProblem(slug); problem != "" {
			t.Errorf("%q: %s", slug, problem)
		}
	}
	for name, want := range map[string]string{"Northwind Desktops": "northwind-desktops", "  24/7 Hosting & Co.": "hosting-co", "O'Neil's": "oneils", "Bücher": "b-cher"} {
		if got := tenants.SlugOf(name); got != want {
			t.Errorf("%q: got %q", name, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		if slug := tenants.SlugOf(name); len(slug) >= 3 && strings.Contains(tenants.SlugProblem(slug), "Use") {
			t.Errorf("%q became %q", name, slug)
		}
	})
}

func TestDomainsThatAreNobodysOwn(t *testing.T) {
	t.Parallel()
	db := tenanttest.DB(t)
	for _, domain := range []string{
		"", "shop", "localhost", "shop.localhost", "127.0.0.1", "10.0.0.1:80", "::1", "[::1]", "1.2.3", "ezscale.test", "EZSCALE.TEST.", "a.ezscale.test",
		"com", "co.uk", "github.io", "a b.com", "a,b.com", "https://a.com", "a.com/path", "a@b.com", "*.example.com", "test", "a..com", strings.Repeat("a", 64) + ".com", "a.com:443",
	} {
		if db.DomainProblem(domain) == "" {
			t.Errorf("%q was allowed", domain)
		}
	}
	for _, domain := range []string{"shop.example.com", "Shop.Example.com.", "example.co.uk", "bücher.example", "xn--bcher-kva.example", "notezscale.test"} {
		if problem := db.DomainProblem(domain); problem != "" {
			t.Errorf("%q: %s", domain, problem)
		}
	}
}

func TestNoShopGetsANameOfTheInstallation(t *testing.T) {
	t.Parallel()
	db := tenants.Rules("desk.provider.example", "edge.provider-net.example")
	for _, domain := range []string{
		"desk.provider.example", "provider.example", "a.desk.provider.example", "edge.provider-net.example", "acme.edge.provider-net.example", "provider-net.example", "Edge.Provider-Net.Example.",
	} {
		if _, err := db.NormalDomain(domain); err == nil {
			t.Errorf("%q was allowed", domain)
		}
	}
	for _, domain := range []string{"other.provider.example", "xedge.provider-net.example", "shop.example.com"} {
		if _, err := db.NormalDomain(domain); err != nil {
			t.Errorf("%q: %v", domain, err)
		}
	}
}

func FuzzNormalDomain(f *testing.F) {
	for _, domain := range []string{"shop.example.com", "Shop.Example.com.", "bücher.example", "xn--bcher-kva.example", "a.localhost", "co.uk", "1.2.3.4", "[::1]", "a.edge.provider.example", "faß.example", "\u2024.com", "a。b.com"} {
		f.Add(domain)
	}
	db := tenants.Rules("desk.provider.example", "edge.provider.example")
	f.Fuzz(func(t *testing.T, typed string) {
		name, err := db.NormalDomain(typed)
		if err != nil {
			if name != "" {
				t.Errorf("%q became %q, %v", typed, name, err)
			}
			return
		}
		if again, err := db.NormalDomain(name); err != nil || again != name {
			t.Errorf("%q became %q, which becomes %q, %v", typed, name, again, err)
		}
		if host, err := tenants.NormalHost(name); err != nil || host != name {
			t.Errorf("%q became %q, which is no host: %v", typed, name, err)
		}
		for _, own := range []string{"desk.provider.example", "edge.provider.example", "localhost"} {
			if name == own || strings.HasSuffix(name, "."+own) || strings.HasSuffix(own, "."+name) {
				t.Errorf("%q became %q", typed, name)
			}
		}
	})
}
