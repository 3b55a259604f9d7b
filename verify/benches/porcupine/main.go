// Porcupine on the history of the benchmark `scale`: every id is a register that an acknowledged operation has set, and
// that each stage is read for at the end. It is linearizable exactly if no stage lacks an id that was acknowledged.
//
// Reads records of 25 bytes from the standard input (kind: 0 set, 1 read; id, call and return as big-endian numbers), and
// prints the records, the seconds that the check took, and the peak of its memory in bytes.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type request struct {
	id   uint64
	read bool
}

// A register that is set or not.
var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byID := map[uint64][]porcupine.Operation{}
		for _, operation := range history {
			id := operation.Input.(request).id
			byID[id] = append(byID[id], operation)
		}
		parts := make([][]porcupine.Operation, 0, len(byID))
		for _, part := range byID {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return false },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		if input.(request).read {
			return output.(bool) == state.(bool), state
		}
		return true, true
	},
}

func peakBytes() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib * 1024
		}
	}
	return 0
}

func main() {
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	var history []porcupine.Operation
	var record [25]byte
	for {
		if _, err := io.ReadFull(input, record[:]); err != nil {
			break
		}
		read := record[0] == 1
		history = append(history, porcupine.Operation{
			Input:  request{binary.BigEndian.Uint64(record[1:9]), read},
			Call:   int64(binary.BigEndian.Uint64(record[9:17])),
			Output: true,
			Return: int64(binary.BigEndian.Uint64(record[17:25])),
		})
	}
	start := time.Now()
	if !porcupine.CheckOperations(register, history) {
		fmt.Fprintln(os.Stderr, "the history is not linearizable")
		os.Exit(1)
	}
	fmt.Println(len(history), time.Since(start).Seconds(), peakBytes())
}
