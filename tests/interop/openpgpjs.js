// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The sealpost authors
//
// openpgpjs.js FOLDER generate KIND CERT KEY
// openpgpjs.js FOLDER decrypt KEY FILE...      each into FILE.out
//
// OpenPGP.js 6, from FOLDER/node_modules, as test_interop.py uses it.
'use strict';

const fs = require('fs');
const [folder, verb, ...rest] = process.argv.slice(2);
const openpgp = require(
    require.resolve('openpgp', { paths: [folder] }));

const kinds = {
	'v6-x25519': { type: 'curve25519', v6: true },
	'v4-cv25519': { type: 'ecc', curve: 'curve25519Legacy' },
	'v4-cv25519-aead': { type: 'ecc', curve: 'curve25519Legacy' },
	'v4-x25519': { type: 'curve25519' },
};

async function generate(kind, cert, key) {
	const { v6 = false, ...options } = kinds[kind];
	const pair = await openpgp.generateKey({
		...options,
		userIDs: [{ email: 'x@example.org' }],
		format: 'binary',
		config: { v6Keys: v6 },
	});

	fs.writeFileSync(cert, pair.publicKey);
	fs.writeFileSync(key, pair.privateKey);
}

async function decrypt(key, ...files) {
	const decryptionKeys = await openpgp.readPrivateKey(
	    { binaryKey: fs.readFileSync(key) });

	for (const file of files) {
		const message = await openpgp.readMessage(
		    { armoredMessage: fs.readFileSync(file, 'latin1') });
		const { data } = await openpgp.decrypt(
		    { message, decryptionKeys, format: 'binary' });

		fs.writeFileSync(file + '.out', data);
	}
}

({ generate, decrypt })[verb](...rest).catch((error) => {
	console.error(error.message);
	process.exit(1);
});
