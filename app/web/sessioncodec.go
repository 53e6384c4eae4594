package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// plainCodec writes sessions as JSON. They hold a few texts and one number, and
// every request reads one.
type plainCodec struct{}

type plainSession struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"`
}

// Encode refuses what Decode could not give back as it was.
func (plainCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	for key, value := range values {
		switch value.(type) {
		case string, int, bool:
		default:
			return nil, fmt.Errorf("a session cannot hold %s, a %T", key, value)
		}
	}
	return json.Marshal(plainSession{deadline, values})
}

func (plainCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	var s plainSession
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if err := decoder.Decode(&s); err != nil {
		return time.Time{}, nil, err
	}
	for key, value := range s.Values {
		number, ok := value.(json.Number)
		if !ok {
			continue
		}
		whole, err := number.Int64()
		if err != nil {
			return time.Time{}, nil, err
		}
		s.Values[key] = int(whole)
	}
	return s.Deadline, s.Values, nil
}
