package kasm

import (
	"bytes"
	"testing"
)

func BenchmarkListOfTenThousand(b *testing.B) {
	one := recorded(b, "status_running.json")
	one = one[bytes.Index(one, []byte(`"kasm":`))+len(`"kasm":`) : bytes.LastIndexByte(one, '}')]
	data := append([]byte(`{"current_time":"2026-01-01 00:00:00.000000","kasms":[`), bytes.Repeat(append(one, ','), 9_999)...)
	data = append(append(data, one...), "]}"...)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if l, ok := decodeListing(data); !ok || len(l.Kasms) != 10_000 {
			b.Fatal(ok, len(l.Kasms))
		}
	}
}
