package dht

import (
	"context"
	"testing"
)

// Every key that is provided is found, at a cost; computing costs no message.
func TestMeasure(t *testing.T) {
	report, err := Measure(context.Background(), Options{Hosts: 5, Keys: 3, Say: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if p := report.Provide; p.Messages < 1 || p.Connections < 1 || p.MedianSeconds <= 0 {
		t.Errorf("providing costs %+v", p)
	}
	if p := report.Placement; p.Messages != 0 || p.Connections != 0 || p.MedianSeconds <= 0 {
		t.Errorf("placement costs %+v", p)
	}
}
