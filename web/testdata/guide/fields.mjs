const { signedFields } = await import(process.argv[2]);
console.log(JSON.stringify(signedFields(JSON.parse(process.argv[3]), process.argv[4])));
