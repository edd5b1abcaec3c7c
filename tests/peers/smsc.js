// A message centre written with somebody else's SMPP library (npm `smpp`).
//
// Tells what it decoded as JSON lines on stdout, does what JSON lines on stdin say, and ends
// with its stdin. What is right and wrong is judged by whoever started it.

'use strict';

const smpp = require('smpp');
const readline = require('readline');

const [systemId, password] = process.argv.slice(2);
let bound = null;
let nextId = 0x1a0;
// Submits are taken and not answered while this is true.
let silent = false;

function tell(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

const server = smpp.createServer((session) => {
  session.on('error', (e) => tell('error', { reason: e.message }));
  session.on('close', () => {
    if (bound === session) bound = null;
    tell('closed', {});
  });
  session.on('bind_transceiver', (pdu) => {
    const good = pdu.system_id === systemId && pdu.password === password;
    const status = good ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
    session.send(pdu.response({ command_status: status, system_id: 'smsc.js' }));
    if (good) bound = session;
    tell('bind', { system_id: pdu.system_id, interface_version: pdu.interface_version, good });
  });
  session.on('submit_sm', (pdu) => {
    // As many message centres do: hexadecimal here, decimal in the receipt.
    const id = nextId++;
    const body = pdu.short_message || {};
    tell('submit', {
      id: id.toString(10),
      answered: !silent,
      source: pdu.source_addr,
      source_ton: pdu.source_addr_ton,
      destination: pdu.destination_addr,
      destination_ton: pdu.dest_addr_ton,
      destination_npi: pdu.dest_addr_npi,
      esm_class: pdu.esm_class,
      data_coding: pdu.data_coding,
      registered_delivery: pdu.registered_delivery,
      text: body.message,
      udh: (body.udh || []).map((element) => element.toString('hex')),
    });
    if (!silent) session.send(pdu.response({ message_id: id.toString(16).toUpperCase() }));
  });
  session.on('enquire_link', (pdu) => {
    session.send(pdu.response());
    tell('enquire_link', {});
  });
  session.on('unbind', (pdu) => {
    session.send(pdu.response(), () => session.close());
    tell('unbind', {});
  });
});

function deliver(name, fields) {
  if (!bound) return tell('unbound', { name });
  bound.deliver_sm(fields, (answer) => tell(name, { status: answer.command_status }));
}

const orders = {
  receipt({ id, source, destination, stat }) {
    const text =
      `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 ` +
      `stat:${stat} err:000 text:`;
    deliver('receipt', {
      source_addr: source,
      destination_addr: destination,
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      short_message: text,
    });
  },
  mo({ source, destination, text, udh, data_coding }) {
    const message = { message: text };
    if (udh) message.udh = Buffer.from(udh, 'hex');
    deliver('mo', {
      source_addr: source,
      source_addr_ton: 1,
      source_addr_npi: 1,
      destination_addr: destination,
      esm_class: udh ? smpp.ESM_CLASS.UDH_INDICATOR : 0,
      data_coding,
      short_message: message,
    });
  },
  enquire_link() {
    if (!bound) return tell('unbound', { name: 'enquire_link' });
    bound.enquire_link((answer) => tell('enquire_link_resp', { status: answer.command_status }));
  },
  silent({ value }) {
    silent = value;
    tell('silent', { value });
  },
  // As a power cut at the other end looks: no unbind.
  drop() {
    if (bound) bound.destroy();
  },
};

server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }));

readline
  .createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line);
    orders[order.order](order);
  })
  .on('close', () => process.exit(0));
