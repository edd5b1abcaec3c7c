// node's `smpp` as a codec. Each line of JSON on stdin gives one on stdout:
// {"hex"} is decoded to {"command", "fields", "tlvs"…}; {"command", "fields", "tlvs"…} is encoded
// to {"hex"}. What it throws comes as {"error"}.

'use strict';

const smpp = require('smpp');
const readline = require('readline');

// Text and times are its applications' business; here the octets are compared.
for (const tag of Object.values(smpp.tlvs)) delete tag.filter;
for (const command of Object.values(smpp.commands)) {
  for (const field of Object.values(command.params || {})) delete field.filter;
}

// Its names for what the specification calls otherwise.
const FIELDS = { dest_addresses: 'dest_address', unsuccess_smes: 'unsuccess_sme' };
const ours = Object.fromEntries(Object.entries(FIELDS).map(([name, own]) => [own, name]));
const HEADER = ['command', 'command_length', 'command_id', 'command_status', 'sequence_number'];

function plain(value) {
  return Buffer.isBuffer(value) ? value.toString('hex') : value;
}

// The octets of a TLV's value, through its own writer.
function octets(tag, value) {
  const type = smpp.tlvs[tag].type;
  const buffer = Buffer.alloc(type.size(value));
  type.write(value, buffer, 0);
  return buffer.toString('hex');
}

function decode({ hex }) {
  const pdu = new smpp.PDU(Buffer.from(hex, 'hex'));
  const params = (smpp.commands[pdu.command] || {}).params || {};
  const found = { fields: {}, tlvs: [] };
  for (const [key, value] of Object.entries(pdu)) {
    if (HEADER.includes(key)) {
      if (key !== 'command_length') found[key] = value;
    } else if (key in params) {
      found.fields[ours[key] || key] = plain(value);
    } else if (key in smpp.tlvs) {
      const values = smpp.tlvs[key].multiple ? value : [value];
      for (const one of values) found.tlvs.push([smpp.tlvs[key].id, octets(key, one)]);
    } else if (Buffer.isBuffer(value)) {
      found.tlvs.push([Number(key), value.toString('hex')]);
    }
  }
  return found;
}

function encode({ command, command_status, sequence_number, fields, tlvs }) {
  const options = { command_status, sequence_number };
  for (const [name, value] of Object.entries(fields)) {
    options[FIELDS[name] || name] = name === 'short_message' ? Buffer.from(value, 'hex') : value;
  }
  for (const [id, hex] of tlvs) {
    const known = smpp.tlvsById[id];
    const buffer = Buffer.from(hex, 'hex');
    const value = known.type.read(buffer, 0, buffer.length);
    options[known.tag] = known.multiple ? [...(options[known.tag] || []), value] : value;
  }
  return { hex: new smpp.PDU(command, options).toBuffer().toString('hex') };
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  let answer;
  try {
    const asked = JSON.parse(line);
    answer = 'hex' in asked ? decode(asked) : encode(asked);
  } catch (e) {
    answer = { error: e.message };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
});
