package kasmsim

import "strings"

// canonical gives 32 lower-case hex digits for an id with or without dashes.
func canonical(s string) (string, bool) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		s = s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	}
	s = strings.ToLower(s)
	if len(s) != 32 || strings.Trim(s, "0123456789abcdef") != "" {
		return "", false
	}
	return s, true
}

// dashed gives the other spelling of a canonical id.
func dashed(id string) string {
	if len(id) != 32 {
		return id
	}
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// newID makes a random id with the version and variant of a UUID v4.
func newID() string {
	id := []byte(randomHex(16))
	id[12] = '4'
	id[16] = "89ab"[strings.IndexByte("0123456789abcdef", id[16])&3]
	return string(id)
}

// newToken is dashed, as Kasm writes session tokens.
func newToken() string { return dashed(newID()) }
