package tenants

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// BenchmarkByHostOfTenThousand finds shops by their hosts as visitors of all of them
// would, so that no entry stays in the processor's caches: the hosts are taken in a
// stride that visits each once before any comes again.
func BenchmarkByHostOfTenThousand(b *testing.B) {
	const shops, stride = 10_000, 7_919
	r := newRegistry(&DB{domain: "central.test"})
	list, known, spelt, strange := make([]Tenant, shops), make([]string, shops), make([]string, shops), make([]string, shops)
	for n := range shops {
		slug := fmt.Sprintf("shop-%05d", n)
		known[n], spelt[n], strange[n] = "www."+slug+".example", "WWW."+slug+".Example:443", slug+".stranger.example"
		list[n] = Tenant{ID: uuid.New(), Slug: slug, Hosts: []string{slug + ".central.test", known[n]}}
	}
	r.list.Store(newSnapshot(list, nil))
	for _, kind := range []struct {
		name  string
		hosts []string
		found bool
	}{{"as kept", known, true}, {"to be normalised", spelt, true}, {"unknown", strange, false}} {
		b.Run(kind.name, func(b *testing.B) {
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				at = (at + stride) % shops
				if _, _, ok := r.ByHost(kind.hosts[at]); ok != kind.found {
					b.Fatalf("%s is found: %t", kind.hosts[at], ok)
				}
			}
		})
	}
}
