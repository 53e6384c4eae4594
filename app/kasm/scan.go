package kasm

import "encoding/json"

// deepest is how deep an answer may be nested, as encoding/json has it.
const deepest = 10_000

// reader goes through a JSON text once, from its beginning to its end, and hands
// out what is asked for without a copy. The list of ten thousand desktops is read
// in every round, and most of each desktop is of no interest.
type reader struct {
	b     []byte
	i     int
	depth int
	bad   bool // the text is no JSON; nothing that was read may be used
}

// scan reads a text whose outermost value is an object. It is false for anything
// else, and for a text that is no JSON.
func scan(data []byte, field func(r *reader, name []byte)) bool {
	r := &reader{b: data}
	r.space()
	if r.peek() != '{' {
		return false
	}
	r.object(func(name []byte) { field(r, name) })
	r.space()
	return !r.bad && r.i == len(r.b)
}

func (r *reader) fail() { r.bad, r.i = true, len(r.b) }

func (r *reader) peek() byte {
	if r.i < len(r.b) {
		return r.b[r.i]
	}
	return 0
}

func (r *reader) space() {
	for r.i < len(r.b) {
		switch r.b[r.i] {
		case ' ', '\n', '\t', '\r':
			r.i++
		default:
			return
		}
	}
}

// take goes past one character, with the space before it.
func (r *reader) take(c byte) bool {
	r.space()
	if r.peek() != c {
		return false
	}
	r.i++
	return true
}

// raw gives the next value as it is written.
func (r *reader) raw() []byte {
	r.space()
	from := r.i
	r.skip()
	if r.bad {
		return nil
	}
	return r.b[from:r.i]
}

// object hands out the names of an object's fields; field reads the value, or
// leaves it. A value of another kind has no fields.
func (r *reader) object(field func(name []byte)) {
	if !r.enter('{') {
		return
	}
	for first := true; !r.bad && !r.take('}'); first = false {
		if !first && !r.take(',') {
			r.fail()
			return
		}
		r.space()
		name := r.name()
		if !r.take(':') {
			r.fail()
			return
		}
		r.space()
		at := r.i
		if field(name); r.i == at {
			r.skip()
		}
	}
	r.depth--
}

// array hands out the elements of an array one after the other; element reads one,
// or leaves it. It is false for a value of another kind.
func (r *reader) array(element func()) bool {
	if !r.enter('[') {
		return false
	}
	for first := true; !r.bad && !r.take(']'); first = false {
		if !first && !r.take(',') {
			r.fail()
			return false
		}
		r.space()
		at := r.i
		if element(); r.i == at {
			r.skip()
		}
	}
	r.depth--
	return !r.bad
}

func (r *reader) enter(c byte) bool {
	r.space()
	if r.peek() != c {
		return false
	}
	r.i++
	if r.depth++; r.depth > deepest {
		r.fail()
	}
	return true
}

// name reads a field's name.
func (r *reader) name() []byte {
	from := r.i
	if r.peek() != '"' {
		r.fail()
		return nil
	}
	escaped := r.str()
	if r.bad {
		return nil
	}
	if !escaped {
		return r.b[from+1 : r.i-1]
	}
	var name string
	if json.Unmarshal(r.b[from:r.i], &name) != nil {
		r.fail()
	}
	return []byte(name)
}

func nothing([]byte) {}

// skip goes past one value of any kind.
func (r *reader) skip() {
	switch c := r.peek(); {
	case c == '{':
		r.object(nothing)
	case c == '[':
		r.array(func() {})
	case c == '"':
		r.str()
	case c == '-' || c >= '0' && c <= '9':
		r.num()
	default:
		r.word()
	}
}

// str goes past a string and tells whether anything in it is escaped.
func (r *reader) str() (escaped bool) {
	for i := r.i + 1; i < len(r.b); i++ {
		switch c := r.b[i]; {
		case c == '"':
			r.i = i + 1
			return escaped
		case c < ' ':
			r.fail()
			return escaped
		case c == '\\':
			escaped = true
			n := escape(r.b[i+1:])
			if n == 0 {
				r.fail()
				return escaped
			}
			i += n
		}
	}
	r.fail()
	return escaped
}

// escape is how many characters stand for one after a backslash; 0 for none that
// JSON knows.
func escape(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(b) < 5 {
			return 0
		}
		for _, c := range b[1:5] {
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
				return 0
			}
		}
		return 5
	}
	return 0
}

// num goes past a number.
func (r *reader) num() {
	if r.peek() == '-' {
		r.i++
	}
	if r.peek() == '0' {
		r.i++
	} else {
		r.digits()
	}
	if r.peek() == '.' {
		r.i++
		r.digits()
	}
	if c := r.peek(); c == 'e' || c == 'E' {
		r.i++
		if c := r.peek(); c == '+' || c == '-' {
			r.i++
		}
		r.digits()
	}
}

func (r *reader) digits() {
	from := r.i
	for c := r.peek(); c >= '0' && c <= '9'; c = r.peek() {
		r.i++
	}
	if r.i == from {
		r.fail()
	}
}

// word goes past true, false or null.
func (r *reader) word() {
	for _, w := range [...]string{"true", "false", "null"} {
		if end := r.i + len(w); end <= len(r.b) && string(r.b[r.i:end]) == w {
			r.i = end
			return
		}
	}
	r.fail()
}
