package cluster

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/noisefs/noisefs/messages"
)

const testBlockBytes = 4096

// encode makes what goes over the wire.
func encode(f frame) []byte {
	b := f.appendStart(nil)
	for _, block := range f.packet.Blocks {
		b = append(b, block...)
	}
	return b
}

func noReserve(int) error { return nil }

func TestFrameRoundTrip(t *testing.T) {
	for name, want := range map[string]frame{
		"Send":    {kind: frameSend, packet: messages.Packet{Head: []byte("hello")}},
		"Request": {kind: frameRequest, number: 1<<63 + 5, wait: 1500 * time.Millisecond},
		"Cancel":  {kind: frameCancel, number: 9},
		"Response": {kind: frameResponse, number: 7, packet: messages.Packet{
			Head:   bytes.Repeat([]byte{1}, messages.PacketHeadMax),
			Blocks: [][]byte{bytes.Repeat([]byte{2}, testBlockBytes), {}, {3}},
		}},
		"Refusal": {kind: frameRefusal, number: 9},
	} {
		t.Run(name, func(t *testing.T) {
			if want.packet.Head == nil {
				want.packet.Head = []byte{}
			}
			wire := encode(want)
			if len(wire) != want.size() {
				t.Errorf("%d bytes, but size says %d", len(wire), want.size())
			}
			reserved := 0
			r := bytes.NewReader(append(wire, "what follows"...))
			got, err := readFrame(r, testBlockBytes, func(n int) error { reserved += n; return nil })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(frame{})); diff != "" {
				t.Error(diff)
			}
			if r.Len() != len("what follows") {
				t.Errorf("%d bytes are left", r.Len())
			}
			held := len(want.packet.Head)
			for _, block := range want.packet.Blocks {
				held += len(block)
			}
			if reserved != held {
				t.Errorf("reserved %d bytes, want %d", reserved, held)
			}
			for cut := 0; cut < len(wire); cut += 1 + cut/64 {
				_, err := readFrame(bytes.NewReader(wire[:cut]), testBlockBytes, noReserve)
				if cut == 0 && err != io.EOF || cut > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("cut off at %d: %v", cut, err)
				}
			}
		})
	}
}

func TestFrameBounds(t *testing.T) {
	good := encode(frame{
		kind: frameResponse, number: 1, packet: messages.Packet{Blocks: [][]byte{{1}, {2}}},
	})
	for name, spoil := range map[string]func(b []byte){
		"KindZero":      func(b []byte) { b[0] = 0 },
		"KindUnknown":   func(b []byte) { b[0] = byte(frameRefusal) + 1 },
		"ManyBlocks":    func(b []byte) { b[1] = messages.PacketBlocksMax + 1 },
		"LongHead":      func(b []byte) { b[4], b[5], b[6], b[7] = 0, 1, 0, 1 },
		"HugeHead":      func(b []byte) { b[4] = 0xff },
		"LongWait":      func(b []byte) { b[8] = 0xff },
		"LongBlock":     func(b []byte) { b[frameHeadBytes+2] = 0x10; b[frameHeadBytes+3] = 1 },
		"HugeBlock":     func(b []byte) { b[frameHeadBytes] = 0xff },
		"CancelSpeaks":  func(b []byte) { b[0] = byte(frameCancel) },
		"RefusalSpeaks": func(b []byte) { b[0] = byte(frameRefusal) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := bytes.Clone(good)
			spoil(bad)
			_, err := readFrame(bytes.NewReader(bad), testBlockBytes, func(int) error {
				t.Error("memory was asked for")
				return nil
			})
			if !errors.Is(err, ErrFrame) {
				t.Errorf("got %v, want ErrFrame", err)
			}
		})
	}
	refused := errors.New("no memory")
	_, err := readFrame(bytes.NewReader(good), testBlockBytes, func(int) error { return refused })
	if !errors.Is(err, refused) {
		t.Errorf("got %v, want that of the reservation", err)
	}
}

func FuzzFrame(f *testing.F) {
	for _, seed := range []frame{
		{kind: frameSend, packet: messages.Packet{Head: []byte("hello")}},
		{kind: frameRequest, number: 5, wait: time.Second},
		{kind: frameResponse, number: 5, packet: messages.Packet{Blocks: [][]byte{{1, 2}, {}}}},
		{kind: frameRefusal, number: 5},
	} {
		f.Add(encode(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		reserved := 0
		got, err := readFrame(bytes.NewReader(data), testBlockBytes, func(n int) error {
			reserved = n
			return nil
		})
		if reserved > messages.PacketHeadMax+messages.PacketBlocksMax*testBlockBytes {
			t.Fatalf("%d bytes were reserved", reserved)
		}
		if err != nil {
			return
		}
		if tooLarge(got.packet, testBlockBytes) {
			t.Fatal("a packet beyond the bounds")
		}
		again := encode(got)
		read := data[:len(again)]
		again[2], again[3] = read[2], read[3] // reserved
		if !bytes.Equal(again, read) {
			t.Fatalf("read %x, and wrote %x", read, again)
		}
	})
}
