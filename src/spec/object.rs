//! How a JSON object becomes a struct the way the callers of runc expect: `null` means absent,
//! a repeated key's last value wins, an unknown key is passed over, and an error names its field.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::{Serialize, Serializer};

/// Text that is borrowed from the input wherever it holds no escapes.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Str<'a>(Cow<'a, str>);

impl<'a> Str<'a> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Str(Cow::Borrowed(text))
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Str(Cow::Owned(text))
    }
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A JSON object used as a map, in the order of its keys' last appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs<'a, V>(pub Vec<(Str<'a>, V)>);

impl<V> Default for Pairs<'_, V> {
    fn default() -> Self {
        Pairs(Vec::new())
    }
}

impl<'a, V> Deref for Pairs<'a, V> {
    type Target = [(Str<'a>, V)];
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V: Serialize> Serialize for Pairs<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de> + Default> Deserialize<'de> for Pairs<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de> + Default> Visitor<'de> for Entries<V> {
            type Value = Pairs<'de, V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<Str<'de>>()? {
                    let value = field(&key, &mut map)?;
                    pairs.retain(|(known, _)| *known != key);
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries(std::marker::PhantomData))
    }
}

/// The value of one key; `null` is the default, and an error gets the key's name in front.
pub(super) fn field<'de, V, A>(key: &str, map: &mut A) -> Result<V, A::Error>
where
    V: Deserialize<'de> + Default,
    A: MapAccess<'de>,
{
    match map.next_value::<Option<V>>() {
        Ok(value) => Ok(value.unwrap_or_default()),
        Err(error) => Err(A::Error::custom(format_args!("{key}: {error}"))),
    }
}

/// The key that is meant by one in other letters: runc, written in Go, takes `CPU` for `cpu`, and
/// a limit in it must not be lost.
pub(super) fn known(keys: &[&'static str], typed: &str) -> Option<&'static str> {
    keys.iter().find(|key| key.eq_ignore_ascii_case(typed)).copied()
}

/// Declares structs that are read from JSON objects: `name: Type = "key"`. Every field is public
/// and has a default, which an absent key and `null` both give.
macro_rules! object {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident $(<$life:lifetime>)? {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty = $key:literal, )*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        pub struct $name $(<$life>)? {
            $(
                $(#[$field_meta])*
                #[doc = concat!("`", $key, "`")]
                #[serde(rename = $key)]
                pub $field: $type,
            )*
        }

        impl<'de $(: $life, $life)?> serde::Deserialize<'de> for $name $(<$life>)? {
            fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                #[derive(Default)]
                struct Object $(<$life>)? ($name $(<$life>)?);
                impl<'de $(: $life, $life)?> serde::de::Visitor<'de> for Object $(<$life>)? {
                    type Value = $name $(<$life>)?;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        mut self,
                        mut map: A,
                    ) -> Result<Self::Value, A::Error> {
                        while let Some(key) = map.next_key::<$crate::spec::Str<'de>>()? {
                            let mut name = key.as_str();
                            loop {
                                match name {
                                    $($key => {
                                        let value = $crate::spec::object::field($key, &mut map)?;
                                        self.0.$field = value;
                                    })*
                                    other => {
                                        let keys = &[$($key),*];
                                        if let Some(key) = $crate::spec::object::known(keys, other)
                                        {
                                            name = key;
                                            continue;
                                        }
                                        map.next_value::<serde::de::IgnoredAny>()?;
                                    }
                                }
                                break;
                            }
                        }
                        Ok(self.0)
                    }
                }
                input.deserialize_map(Object::default())
            }
        }
    )*};
}
pub(super) use object;
