//! Numbers and bytes: what expressions are worth in a world.

use anyclave_arch::{EpcAddr, Flags, Linear, SecInfoFlags};
use anyclave_cpu::Target;
use anyclave_crypto::{Measurement, aes128_cmac, sha256};

use super::syntax::{Expr, Place, Value};
use super::world::{Home, Object, World};

/// A number or bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Datum {
    Number(u64),
    Bytes(Vec<u8>),
    /// This byte, as often as needed.
    Fill(u8),
}

impl Datum {
    /// As bytes of this length; a number is little-endian.
    pub(super) fn to_bytes(&self, length: usize) -> Option<Vec<u8>> {
        match self {
            Self::Number(number) => {
                let mut bytes = number.to_le_bytes().to_vec();
                let lost = bytes.iter().skip(length).any(|byte| *byte != 0);
                bytes.resize(length, 0);
                (!lost).then_some(bytes)
            }
            Self::Bytes(bytes) => (bytes.len() == length).then(|| bytes.clone()),
            Self::Fill(byte) => Some(vec![*byte; length]),
        }
    }

    /// Bytes as the number they are if there are at most eight.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        if bytes.len() > 8 {
            return Self::Bytes(bytes);
        }
        let mut number = [0; 8];
        for (to, from) in number.iter_mut().zip(&bytes) {
            *to = *from;
        }
        Self::Number(u64::from_le_bytes(number))
    }
}

/// Names of numbers.
const CONSTANTS: [(&str, u64); 43] = [
    ("R", SecInfoFlags::R.bits()),
    ("W", SecInfoFlags::W.bits()),
    ("X", SecInfoFlags::X.bits()),
    ("PENDING", SecInfoFlags::PENDING.bits()),
    ("MODIFIED", SecInfoFlags::MODIFIED.bits()),
    ("PR", SecInfoFlags::PR.bits()),
    // page types as SECINFO.FLAGS has them
    ("SECS", 0),
    ("TCS", 0x100),
    ("REG", 0x200),
    ("VA", 0x300),
    ("TRIM", 0x400),
    ("SS_FIRST", 0x500),
    ("SS_REST", 0x600),
    ("INIT", Flags::INIT.bits()),
    ("DEBUG", Flags::DEBUG.bits()),
    ("MODE64BIT", Flags::MODE64BIT.bits()),
    ("PROVISIONKEY", Flags::PROVISIONKEY.bits()),
    ("EINITTOKENKEY", Flags::EINITTOKENKEY.bits()),
    ("CET", Flags::CET.bits()),
    ("KSS", Flags::KSS.bits()),
    ("AEXNOTIFY", Flags::AEXNOTIFY.bits()),
    ("EXINFO", 1),
    ("DBGOPTIN", 1),
    ("NOTIFY", 2),
    // KEYREQUEST
    ("EINITTOKEN_KEY", 0),
    ("PROVISION_KEY", 1),
    ("PROVISION_SEAL_KEY", 2),
    ("REPORT_KEY", 3),
    ("SEAL_KEY", 4),
    ("MRENCLAVE", 1),
    ("MRSIGNER", 2),
    ("NOISVPRODID", 4),
    ("CONFIGID", 8),
    ("ISVFAMILYID", 16),
    ("ISVEXTPRODID", 32),
    // RFLAGS
    ("CF", 1),
    ("ZF", 1 << 6),
    ("TF", 1 << 8),
    ("IF", 1 << 9),
    ("DF", 1 << 10),
    ("RF", 1 << 16),
    ("AC", 1 << 18),
    ("STATUS", super::world::STATUS),
];

impl World {
    /// What a value is worth.
    pub(super) fn value(&mut self, value: &Value) -> Result<Datum, String> {
        match value {
            Value::Expr(expr) => self.datum(expr),
            Value::Fill(expr) => {
                let byte = self.number(expr)?;
                u8::try_from(byte)
                    .map(Datum::Fill)
                    .ok()
                    .ok_or_else(|| format!("{byte:#x} is more than a byte"))
            }
            Value::Hex(bytes) => Ok(Datum::Bytes(bytes.clone())),
            Value::Function(name, arguments) => self.function(name, arguments),
        }
    }

    /// What an expression is worth, which must be a number.
    pub(super) fn number(&mut self, expr: &Expr) -> Result<u64, String> {
        match self.datum(expr)? {
            Datum::Number(number) => Ok(number),
            Datum::Bytes(_) | Datum::Fill(_) => Err("a number is wanted, not bytes".to_owned()),
        }
    }

    fn datum(&mut self, expr: &Expr) -> Result<Datum, String> {
        Ok(match expr {
            Expr::Number(number) => Datum::Number(*number),
            Expr::Name(name) => self.named(name)?,
            Expr::Memory(place) => {
                let bytes = self.read_place(place)?;
                Datum::from_bytes(bytes)
            }
            Expr::Unary(operator, inner) => {
                let inner = self.number(inner)?;
                Datum::Number(if *operator == "~" { !inner } else { inner.wrapping_neg() })
            }
            Expr::Binary(operator, left, right) => {
                let (left, right) = (self.number(left)?, self.number(right)?);
                Datum::Number(match *operator {
                    "|" => left | right,
                    "&" => left & right,
                    "^" => left ^ right,
                    "<<" => u32::try_from(right).ok().and_then(|by| left.checked_shl(by)).unwrap_or(0),
                    "+" => left.wrapping_add(right),
                    "-" => left.wrapping_sub(right),
                    _ => left.wrapping_mul(right),
                })
            }
        })
    }

    fn named(&mut self, name: &str) -> Result<Datum, String> {
        if let Some(datum) = self.lets.get(name) {
            return Ok(datum.clone());
        }
        if name == "lepubkeyhash" {
            return Ok(Datum::Bytes(
                anyclave_arch::msr::lepubkeyhash_bytes(self.package.lepubkeyhash()).to_vec(),
            ));
        }
        if let Some(value) = self.cpu().register(name) {
            return Ok(Datum::Number(*value));
        }
        if let Some(number) = self.numbers.get(name) {
            return Ok(Datum::Number(*number));
        }
        if let Some(object) = self.objects.get(name) {
            return Ok(Datum::Number(object.at.0));
        }
        if let Some((object, offset, length)) = self.field(name) {
            let bytes = self.load(&object, offset, length);
            return Ok(Datum::from_bytes(bytes));
        }
        let constant = CONSTANTS.iter().find(|(constant, _)| *constant == name);
        constant.map(|(_, value)| Datum::Number(*value)).ok_or_else(|| format!("{name} is not known"))
    }

    /// The object of `OBJECT.FIELD`, the field's offset and length.
    pub(super) fn field(&self, name: &str) -> Option<(Object, usize, usize)> {
        let dots = name.match_indices('.').map(|(at, _)| at);
        dots.rev().find_map(|dot| {
            let object = self.objects.get(&name[..dot])?;
            let (offset, length) = object.layout.field(&name[dot + 1..])?;
            Some((object.clone(), offset, length))
        })
    }

    /// The object, offset and length of a place with a name.
    pub(super) fn span(&self, name: &str) -> Option<(Object, usize, usize)> {
        let whole = self.objects.get(name).map(|object| (object.clone(), 0, object.layout.size));
        whole.or_else(|| self.field(name))
    }

    fn read_place(&mut self, place: &Place) -> Result<Vec<u8>, String> {
        match place {
            Place::Name(name) => {
                let (object, offset, length) =
                    self.span(name).ok_or_else(|| format!("{name} is not known"))?;
                Ok(self.load(&object, offset, length))
            }
            Place::Byte(name, byte) => {
                let (object, offset) = self.byte(name, byte)?;
                Ok(self.load(&object, offset, 1))
            }
            Place::Memory(at, length) => {
                let (at, length) = (Linear(self.number(at)?), self.length(length)?);
                self.peek(at, length)
            }
        }
    }

    /// The object and offset of `NAME[BYTE]`.
    pub(super) fn byte(&mut self, name: &str, byte: &Expr) -> Result<(Object, usize), String> {
        let byte = self.length(byte)?;
        let (object, offset, length) = self.span(name).ok_or_else(|| format!("{name} is not known"))?;
        if byte >= length {
            return Err(format!("{name} has {length} bytes"));
        }
        Ok((object, offset + byte))
    }

    pub(super) fn length(&mut self, expr: &Expr) -> Result<usize, String> {
        let number = self.number(expr)?;
        let most = usize::try_from(number).ok().filter(|length| *length <= 4096);
        most.ok_or_else(|| format!("{number:#x} is more than a page"))
    }

    /// Bytes at an address.
    fn peek(&mut self, at: Linear, length: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; length];
        match self.space.look(at) {
            Some(Target::Epc(at)) => self.load_epc(at, &mut bytes),
            Some(Target::Ordinary) => self.space.bytes(at, &mut bytes),
            None => return Err(format!("nothing is mapped at {at}")),
        }
        Ok(bytes)
    }

    /// The EPC page behind a name or an expression that is the address of one.
    pub(super) fn page(&mut self, name: &str) -> Result<EpcAddr, String> {
        match self.objects.get(name).map(|object| object.home) {
            Some(Home::Epc(at)) => Ok(at.page()),
            _ => Err(format!("{name} is no EPC page")),
        }
    }

    fn function(&mut self, name: &str, arguments: &[Expr]) -> Result<Datum, String> {
        if let ("mrenclave" | "mrsigner", [Expr::Name(enclave)]) = (name, arguments) {
            let plan = self.enclaves.get(enclave).ok_or_else(|| format!("{enclave} is no enclave"))?;
            let hash = if name == "mrenclave" { plan.mrenclave() } else { plan.mrsigner() };
            return Ok(Datum::Bytes(hash.to_vec()));
        }
        if let ("measured", [Expr::Name(name)]) = (name, arguments) {
            let secs = format!("{name}.secs");
            return self.measured(if self.objects.contains_key(&secs) { &secs } else { name });
        }
        let mut bytes = Vec::new();
        for argument in arguments {
            bytes.push(match argument {
                Expr::Name(name) if self.span(name).is_some() => {
                    self.read_place(&Place::Name(name.clone()))?
                }
                _ => match self.datum(argument)? {
                    Datum::Bytes(bytes) => bytes,
                    Datum::Number(_) | Datum::Fill(_) => {
                        return Err(format!("{name} is a function of bytes"));
                    }
                },
            });
        }
        match (name, &*bytes) {
            ("sha256", [bytes]) => Ok(Datum::Bytes(sha256(bytes).to_vec())),
            ("cmac", [key, message]) => {
                let key = key.first_chunk().ok_or("a key has 16 bytes")?;
                Ok(Datum::Bytes(aes128_cmac(key, message).to_vec()))
            }
            _ => Err(format!("there is no function {name} of {} values", bytes.len())),
        }
    }

    /// MRENCLAVE if EINIT came now, out of the running state that a SECS holds.
    fn measured(&mut self, secs: &str) -> Result<Datum, String> {
        let secs: anyclave_cpu::SecsPage =
            self.structure(secs).ok_or_else(|| format!("{secs} is not known"))?;
        let mut state = [0; 8];
        for (word, bytes) in state.iter_mut().zip(secs.mrenclave.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let measurement = Measurement::from_parts(state, secs.measured_blocks.get());
        Ok(Datum::Bytes(measurement.finish().to_vec()))
    }
}
