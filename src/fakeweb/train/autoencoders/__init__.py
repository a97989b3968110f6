"""Small autoencoders whose reconstructions carry a generator's traces; see :mod:`fakeweb.forge.reconstruct`.

One recipe with ``task = "autoencoder"`` trains one network per up-sampler on real faces. Needs the extra ``train``,
like the room it lies in. A new up-sampler is one entry of :data:`fakeweb.train.autoencoders.net.UPSAMPLERS`.
"""
